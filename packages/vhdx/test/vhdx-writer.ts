import { crc32c } from "../src/crc32c.js";

export const MIB: number = 2 ** 20;
export const PLACES: Readonly<Record<"log" | "metadata" | "table" | "data", number>> = {
  log: MIB,
  metadata: 2 * MIB,
  table: 3 * MIB,
  data: 4 * MIB,
};
export const LOG_GUID = "0badcafe-0000-0000-0000-000000000001";

/** What to make an image of. */
export interface VhdxContents {
  readonly contents: Uint8Array;
  readonly blockSize?: number;
  readonly sectorSize?: number;
  readonly dataWriteGuid?: string;
  /** Makes a differencing image. */
  readonly parent?: { readonly contents: Uint8Array; readonly locator: Readonly<Record<string, string>> };
  /** Puts blocks into the file in the opposite order. */
  readonly reversed?: boolean;
  readonly logGuid?: string;
}

/** Writes a GUID in the order of bytes of Windows. */
function putGuid(view: DataView, position: number, guid: string): void {
  const [first = "", second = "", third = "", fourth = "", fifth = ""] = guid.split("-");
  view.setUint32(position, Number.parseInt(first, 16), true);
  view.setUint16(position + 4, Number.parseInt(second, 16), true);
  view.setUint16(position + 6, Number.parseInt(third, 16), true);
  Buffer.from(fourth + fifth, "hex").forEach((byte, index) => view.setUint8(position + 8 + index, byte));
}

/** Makes the checksum of a structure right. */
export function sealVhdx(file: Uint8Array, start: number, length: number, checksumAt = 4): void {
  const part = file.subarray(start, start + length);
  new DataView(part.buffer, part.byteOffset).setUint32(checksumAt, crc32c([part], checksumAt), true);
}

/** Makes all checksums right but those of the log. */
export function sealAll(file: Uint8Array): void {
  for (const place of [64, 128]) sealVhdx(file, place * 1024, 4096);
  for (const place of [192, 256]) sealVhdx(file, place * 1024, 65_536);
}

function locatorOf(entries: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(entries);
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  putGuid(view, 0, "b04aefb7-d19e-4a81-b789-25b8e9445913");
  view.setUint16(18, pairs.length, true);
  let end = 20 + pairs.length * 12;
  for (const [index, pair] of pairs.entries()) {
    for (const [part, text] of pair.entries()) {
      const encoded = Buffer.from(text, "utf16le");
      bytes.set(encoded, end);
      view.setUint32(20 + index * 12 + part * 4, end, true);
      view.setUint16(20 + index * 12 + 8 + part * 2, encoded.length, true);
      end += encoded.length;
    }
  }
  return bytes.slice(0, end);
}

/** An image in which blocks of zeroes (in state 0), or what the parent has, are not stored. */
export function makeVhdx(image: VhdxContents): Uint8Array {
  const { contents, blockSize = MIB, sectorSize = 512, parent, reversed, logGuid } = image;
  const blocks = Math.ceil(contents.length / blockSize);
  const chunk = (2 ** 23 * sectorSize) / blockSize;
  const chunks = Math.ceil(blocks / chunk);
  const file = new Uint8Array(PLACES.data + (blocks * blockSize + chunks * MIB));
  const view = new DataView(file.buffer);
  const u64 = (position: number, value: number): void => view.setBigUint64(position, BigInt(value), true);
  file.set(Buffer.from("vhdxfile"));
  for (const [index, start] of [64 * 1024, 128 * 1024].entries()) {
    file.set(Buffer.from("head"), start);
    u64(start + 8, 7 + index);
    putGuid(view, start + 32, image.dataWriteGuid ?? "00000001-0002-0003-0405-060708090a0b");
    if (logGuid !== undefined) putGuid(view, start + 48, logGuid);
    view.setUint16(start + 66, 1, true);
    view.setUint32(start + 68, MIB, true);
    u64(start + 72, PLACES.log);
  }
  for (const start of [192 * 1024, 256 * 1024]) {
    file.set(Buffer.from("regi"), start);
    view.setUint32(start + 8, 2, true);
    for (const [index, [guid, place]] of [
      ["2dc27766-f623-4200-9d64-115e9bfd4a08", PLACES.table] as const,
      ["8b7ca206-4790-4b9a-b8fe-575f050f886e", PLACES.metadata] as const,
    ].entries()) {
      const at = start + 16 + index * 32;
      putGuid(view, at, guid);
      u64(at + 16, place);
      view.setUint32(at + 24, MIB, true);
      view.setUint32(at + 28, 1, true);
    }
  }
  const number = (value: number, length: 4 | 8): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return bytes.subarray(0, length);
  };
  const items: [guid: string, bytes: Uint8Array][] = [
    ["caa16737-fa36-4d43-b3b6-33f0aa44e76b", number(blockSize + (parent ? 2 : 0) * 2 ** 32, 8)],
    ["2fa54224-cd1b-4876-b211-5dbed83bf4b8", number(contents.length, 8)],
    ["beca12ab-b2e6-4523-93ef-c309e000c746", new Uint8Array(16).fill(9)],
    ["8141bf1d-a96f-4709-ba47-f233a8faab5f", number(sectorSize, 4)],
    ["cda348c7-445d-4471-9cc9-e9885251c556", number(4096, 4)],
  ];
  if (parent) items.push(["a8d35f2d-b30b-454d-abf7-d3d84834ab0c", locatorOf(parent.locator)]);
  file.set(Buffer.from("metadata"), PLACES.metadata);
  view.setUint16(PLACES.metadata + 10, items.length, true);
  let itemEnd = 65_536;
  for (const [index, [guid, bytes]] of items.entries()) {
    const at = PLACES.metadata + 32 + index * 32;
    putGuid(view, at, guid);
    view.setUint32(at + 16, itemEnd, true);
    view.setUint32(at + 20, bytes.length, true);
    view.setUint32(at + 24, index === 0 ? 4 : 6, true);
    file.set(bytes, PLACES.metadata + itemEnd);
    itemEnd += bytes.length;
  }

  const bitmaps = PLACES.data + blocks * blockSize;
  for (let block = 0; block < blocks; block++) {
    const data = new Uint8Array(blockSize);
    data.set(contents.subarray(block * blockSize, (block + 1) * blockSize));
    const below = new Uint8Array(blockSize);
    if (parent) below.set(parent.contents.subarray(block * blockSize, (block + 1) * blockSize));
    let stored = 0;
    for (let sector = 0; sector < blockSize / sectorSize; sector++) {
      const range = [sector * sectorSize, (sector + 1) * sectorSize] as const;
      if (Buffer.compare(data.subarray(...range), below.subarray(...range)) === 0) {
        // What the bitmap says is not here must not be looked at.
        if (parent) data.fill(0xee, ...range);
        continue;
      }
      stored++;
      const bit = (block % chunk) * (blockSize / sectorSize) + sector;
      const at = bitmaps + Math.floor(block / chunk) * MIB + Math.floor(bit / 8);
      file[at] = (file[at] ?? 0) | (1 << (bit % 8));
    }
    if (stored === 0) continue;
    const place = PLACES.data + (reversed ? blocks - 1 - block : block) * blockSize;
    file.set(data, place);
    const state = !parent || stored === blockSize / sectorSize ? 6 : 7;
    u64(PLACES.table + (block + Math.floor(block / chunk)) * 8, place + state);
  }
  for (let index = 0; index < (parent ? chunks : 0); index++) {
    u64(PLACES.table + (index * (chunk + 1) + chunk) * 8, bitmaps + index * MIB + 6);
  }
  sealAll(file);
  return file;
}

/** What one entry of a log changes. */
export type Change =
  | { readonly offset: number; readonly data: Uint8Array }
  | { readonly offset: number; readonly zero: number };

/** Puts an entry into the log of a file, over its end where it does not fit; gives where the next one goes. */
export function putLogEntry(
  file: Uint8Array,
  position: number,
  entry: {
    readonly sequence: number;
    readonly tail: number;
    readonly changes: readonly Change[];
    readonly guid?: string;
    readonly flushed?: number;
    readonly last?: number;
  },
): number {
  const { sequence, tail, changes, guid = LOG_GUID, flushed = file.length, last = file.length } = entry;
  const pages = Math.ceil((64 + changes.length * 32) / 4096);
  const bytes = new Uint8Array((pages + changes.filter((change) => "data" in change).length) * 4096);
  const view = new DataView(bytes.buffer);
  const u64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes.set(Buffer.from("loge"));
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, tail, true);
  u64(16, sequence);
  view.setUint32(24, changes.length, true);
  putGuid(view, 32, guid);
  u64(48, flushed);
  u64(56, last);
  let page = pages * 4096;
  for (const [index, change] of changes.entries()) {
    const at = 64 + index * 32;
    bytes.set(Buffer.from("data" in change ? "desc" : "zero"), at);
    u64(at + 16, change.offset);
    u64(at + 24, sequence);
    if (!("data" in change)) {
      u64(at + 8, change.zero);
      continue;
    }
    bytes.set(change.data.subarray(4092, 4096), at + 4);
    bytes.set(change.data.subarray(0, 8), at + 8);
    bytes.set(change.data, page);
    bytes.set(Buffer.from("data"), page);
    view.setUint32(page + 4, Math.floor(sequence / 2 ** 32), true);
    view.setUint32(page + 4092, sequence % 2 ** 32, true);
    page += 4096;
  }
  view.setUint32(4, crc32c([bytes], 4), true);
  for (let at = 0; at < bytes.length; at += 4096) {
    file.set(bytes.subarray(at, at + 4096), PLACES.log + ((position + at) % MIB));
  }
  return (position + bytes.length) % MIB;
}
