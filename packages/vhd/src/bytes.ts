import { ruleError } from "./rule-error.js";

const HIGH = 2 ** 32;

/** A big-endian 64-bit number; inexact beyond 2^53. */
export function readU64(view: DataView, position: number): number {
  return view.getUint32(position) * HIGH + view.getUint32(position + 4);
}

/**
 * A big-endian 64-bit number.
 *
 * @throws {@link ImageError} `ERR_INVALID_HEADER` beyond 2^53-1
 */
export function exactU64(where: string, field: string, view: DataView, position: number): number {
  const value = readU64(view, position);
  if (Number.isSafeInteger(value)) return value;
  throw ruleError("ERR_INVALID_HEADER", where, field, value, "be 2^53-1 at most");
}

/** Whether ASCII text stands at a place. */
export function isText(bytes: Uint8Array, position: number, text: string): boolean {
  return String.fromCharCode(...bytes.subarray(position, position + text.length)) === text;
}

/** The complement of the sum of all bytes but for the checksum, four bytes at `position`. */
export function checksumOf(bytes: Uint8Array, position: number): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  for (const byte of bytes.subarray(position, position + 4)) sum -= byte;
  return ~sum >>> 0;
}

/** A UUID in the order of its bytes. */
export function uuidAt(bytes: Uint8Array, position: number): string {
  const hex = Array.from(bytes.subarray(position, position + 16), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
