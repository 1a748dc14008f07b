import type { Backend } from "@instar/backend";

import { ruleError } from "./rule-error.js";

const HIGH = 2 ** 32;
/** Bytes that numbers in the format count. */
export const SECTOR = 512;

/**
 * A little-endian 64-bit number of sectors, in bytes.
 *
 * @throws {@link ImageError} `ERR_INVALID_HEADER` beyond 2^53-1
 */
export function sectorsAt(where: string, field: string, view: DataView, position: number): number {
  const sectors = view.getUint32(position + 4, true) * HIGH + view.getUint32(position, true);
  if (Number.isSafeInteger(sectors * SECTOR)) return sectors * SECTOR;
  throw ruleError("ERR_INVALID_HEADER", where, field, sectors, "be less than 2^53 bytes");
}

/** Bytes of a file, as a view. The range is in the file. */
export async function readView(
  file: Backend,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<DataView> {
  const bytes = new Uint8Array(length);
  await file.read(bytes, offset, { signal });
  return new DataView(bytes.buffer);
}
