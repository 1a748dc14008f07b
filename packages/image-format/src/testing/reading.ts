import { type Backend, MemoryBackend } from "@instar/backend";

/** Bytes as a backend in memory. */
export async function memoryOf(bytes: Uint8Array, name = "memory:"): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ name });
  await backend.write(bytes, 0);
  return backend;
}

/** All bytes, read in pieces of an odd size so that requests begin and end anywhere. */
export async function contents(disk: Backend, piece = 777_777): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.size);
  for (let at = 0; at < bytes.length; at += piece) await disk.read(bytes.subarray(at, at + piece), at);
  return bytes;
}

/** Where two arrays differ first, for a message that can be read; -1 where they are equal. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  return one.findIndex((byte, index) => byte !== other[index]);
}

/** The first byte of an extent that is no data and yet not zero in `expected`, or a gap in the cover; -1 where all is well. */
export async function firstLie(disk: Backend, expected: Uint8Array): Promise<number> {
  let at = 0;
  for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
    if (offset !== at) return at;
    at += length;
    if (kind === "data") continue;
    const lie = expected.subarray(offset, at).findIndex((byte) => byte !== 0);
    if (lie >= 0) return offset + lie;
  }
  return at === expected.length ? -1 : at;
}
