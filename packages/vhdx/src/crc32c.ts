/** The polynomial of Castagnoli, its bits in opposite order. */
const POLYNOMIAL = 0x82f63b78;

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value >>> 0;
});

/** The CRC-32C of bytes, four of which (the checksum itself) count as zeroes. */
export function crc32c(parts: Iterable<Uint8Array>, checksumAt: number): number {
  let sum = 0xffffffff;
  let position = 0;
  for (const part of parts) {
    for (const byte of part) {
      const counted = position >= checksumAt && position < checksumAt + 4 ? 0 : byte;
      sum = (TABLE[(sum ^ counted) & 0xff] ?? 0) ^ (sum >>> 8);
      position++;
    }
  }
  return ~sum >>> 0;
}

/** Whether the four bytes at `checksumAt` are the CRC-32C of a structure. */
export function isSealed(view: DataView<ArrayBuffer>, checksumAt: number): boolean {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return crc32c([bytes], checksumAt) === view.getUint32(checksumAt, true);
}
