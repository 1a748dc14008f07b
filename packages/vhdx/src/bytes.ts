import type { Backend } from "@instar/backend";

import { ruleError } from "./rule-error.js";

const HIGH = 2 ** 32;
export const MIB: number = 2 ** 20;

/** A little-endian 64-bit number; inexact beyond 2^53. */
export function readU64(view: DataView, position: number): number {
  return view.getUint32(position + 4, true) * HIGH + view.getUint32(position, true);
}

/** The same text for the same 16 bytes of a GUID, in the form of Windows without braces. */
export function guidAt(view: DataView, position: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  let tail = "";
  for (let at = position + 8; at < position + 16; at++) tail += hex(view.getUint8(at), 2);
  const first = hex(view.getUint32(position, true), 8);
  const [second, third] = [4, 6].map((at) => hex(view.getUint16(position + at, true), 4));
  return `${first}-${second}-${third}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

/** Whether a GUID is all zeroes. */
export function isNil(guid: string): boolean {
  return !/[1-9a-f]/.test(guid);
}

/** Whether ASCII text stands at a place. */
export function isText(view: DataView, position: number, text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (view.getUint8(position + at) !== text.charCodeAt(at)) return false;
  }
  return true;
}

/**
 * Bytes of the file, as a view.
 *
 * @param what stands there, for the message
 * @throws {@link ImageError} `ERR_TRUNCATED` where the file ends before
 */
export async function readView(
  file: Backend,
  what: string,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<DataView<ArrayBuffer>> {
  if (offset + length > file.size) {
    const rule = `be ${offset + length} at least, where the ${what} ends`;
    throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
  }
  const bytes = new Uint8Array(length);
  await file.read(bytes, offset, { signal });
  return new DataView(bytes.buffer);
}
