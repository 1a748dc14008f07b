import type { Access } from "./linearizable.ts";

/**
 * Accesses without the reads that saw a write early. Who reads a sector while it is zeroed and then written may look at
 * its host cluster, which stays the sector's own, when the new bytes are there and the tables do not show them yet. QEMU
 * does the same. Such a read is right in itself, but others that come after it may still see zeroes.
 */
export function withoutEarlyReads(accesses: readonly Access[]): readonly Access[] {
  return accesses.filter((access) => {
    if (access.kind !== "read" || access.value === 0) return true;
    const beside = accesses.filter(({ begin, end }) => begin < access.end && access.begin < end);
    const written = beside.some(({ kind, value }) => kind !== "read" && value === access.value);
    const zeroed = beside.some(({ kind, value }) => kind !== "read" && value === 0);
    return !(written && zeroed);
  });
}
