import type { CrashFile } from "../storage/crash-file.ts";

const POLYNOMIAL = 0x82f6_3b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

function bytesAt(file: CrashFile, offset: number, length: number): Uint8Array | undefined {
  if (offset < 0 || offset + length > file.size) return undefined;
  const bytes = new Uint8Array(length);
  void file.read(bytes, offset);
  return bytes;
}

/** Writes checksums of headers and region tables. */
export function sealVhdx(file: CrashFile): void {
  for (const [at, length] of [
    [65_536, 4096],
    [131_072, 4096],
    [196_608, 65_536],
    [262_144, 65_536],
  ] as const) {
    const bytes = bytesAt(file, at, length);
    if (!bytes) continue;
    const view = new DataView(bytes.buffer);
    view.setUint32(4, 0);
    let sum = 0xffff_ffff;
    for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
    view.setUint32(4, ~sum >>> 0, true);
    void file.write(bytes.subarray(0, 8), at);
  }
}

/** Writes checksums of footers and dynamic header. */
export function sealVhd(file: CrashFile): void {
  for (const [at, length, sumAt] of [
    [0, 512, 64],
    [file.size - 512, 512, 64],
    [512, 1024, 36],
  ] as const) {
    const bytes = bytesAt(file, at, length);
    if (!bytes) continue;
    const view = new DataView(bytes.buffer);
    view.setUint32(sumAt, 0);
    let sum = 0;
    for (const byte of bytes) sum += byte;
    view.setUint32(sumAt, ~sum >>> 0);
    // Of a fixed disk the beginning is data.
    if (at + length === file.size || bytes[0] === 0x63) void file.write(bytes, at);
  }
}
