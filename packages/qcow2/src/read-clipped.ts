import type { Backend, CallOptions } from "@instar/backend";

/**
 * Bytes of a table, of which the file may hold less: an image may end inside its last cluster. What is missing is zero.
 */
export async function readClipped(
  file: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const present = Math.max(0, Math.min(length, file.size - offset));
  if (present > 0) await file.read(bytes.subarray(0, present), offset, options);
  return bytes;
}
