const SECTOR = 512;

/** What to make an image of. */
export interface VhdContents {
  readonly contents: Uint8Array;
  /** Absent: a fixed image. */
  readonly blockSize?: number;
  /** Four letters; by default those of a program whose current size counts. */
  readonly creator?: string;
  /** Cylinders, heads, sectors. */
  readonly geometry?: readonly [number, number, number];
  readonly uuid?: number;
  /** Makes a differencing image, which stores the sectors that are not those of the parent. */
  readonly parent?: {
    readonly contents: Uint8Array;
    readonly uuid: number;
    readonly name?: string;
    /** By platform. */
    readonly locators?: Readonly<Record<string, string>>;
  };
}

/** Puts a checksum where it belongs, over the bytes of a header. */
export function sealVhd(bytes: Uint8Array, position: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(position, 0);
  view.setUint32(position, ~bytes.reduce((sum, byte) => sum + byte, 0));
}

function footerOf(image: VhdContents, type: number): Uint8Array {
  const { contents, creator = "win ", geometry = [0, 0, 0], uuid = 1 } = image;
  const bytes = new Uint8Array(SECTOR);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from("conectix"));
  view.setUint32(8, 2);
  view.setUint32(12, 0x10000);
  view.setBigUint64(16, type === 2 ? 0xffffffffffffffffn : 512n);
  bytes.set(Buffer.from(creator, "latin1"), 28);
  view.setBigUint64(40, BigInt(contents.length));
  view.setBigUint64(48, BigInt(contents.length));
  view.setUint16(56, geometry[0]);
  bytes.set([geometry[1], geometry[2]], 58);
  view.setUint32(60, type);
  view.setUint32(68, uuid);
  sealVhd(bytes, 64);
  return bytes;
}

/** An image in which blocks of zeroes, or what the parent has, are not stored. */
export function makeVhd(image: VhdContents): Uint8Array {
  const { contents, blockSize, parent } = image;
  if (blockSize === undefined) return Buffer.concat([contents, footerOf(image, 2)]);
  const blocks = Math.ceil(contents.length / blockSize);
  const footer = footerOf(image, parent ? 4 : 3);
  const header = new Uint8Array(1024);
  const view = new DataView(header.buffer);
  const table = new Uint8Array(Math.max(1, Math.ceil((blocks * 4) / SECTOR)) * SECTOR).fill(0xff);
  header.set(Buffer.from("cxsparse"));
  header.fill(0xff, 8, 16);
  view.setUint32(24, 0x10000);
  view.setUint32(28, blocks);
  view.setUint32(32, blockSize);
  const parts: Uint8Array[] = [footer, header, table];
  let end = 1536 + table.length;
  view.setUint32(20, 1536);
  for (const [index, [platform, name]] of Object.entries(parent?.locators ?? {}).entries()) {
    const text = Buffer.from(name, platform === "MacX" ? "utf8" : "utf16le");
    const stored = new Uint8Array(Math.ceil(text.length / SECTOR) * SECTOR);
    stored.set(text);
    header.set(Buffer.from(platform), 576 + index * 24);
    view.setUint32(576 + index * 24 + 4, stored.length / SECTOR);
    view.setUint32(576 + index * 24 + 8, text.length);
    view.setUint32(576 + index * 24 + 20, end);
    parts.push(stored);
    end += stored.length;
  }
  if (parent) view.setUint32(40, parent.uuid);
  header.set(Buffer.from(parent?.name ?? "", "utf16le").swap16(), 64);
  const bitmapSize = Math.ceil(blockSize / SECTOR / 8 / SECTOR) * SECTOR;
  for (let block = 0; block < blocks; block++) {
    const data = new Uint8Array(blockSize);
    data.set(contents.subarray(block * blockSize, (block + 1) * blockSize));
    const below = new Uint8Array(blockSize);
    if (parent) below.set(parent.contents.subarray(block * blockSize, (block + 1) * blockSize));
    const bitmap = new Uint8Array(bitmapSize);
    for (let sector = 0; sector < blockSize / SECTOR; sector++) {
      const range = [sector * SECTOR, (sector + 1) * SECTOR] as const;
      if (Buffer.compare(data.subarray(...range), below.subarray(...range)) === 0) {
        // What the bitmap says is not here must not be looked at.
        if (parent) data.fill(0xee, ...range);
        continue;
      }
      const byte = Math.floor(sector / 8);
      bitmap[byte] = (bitmap[byte] ?? 0) | (0x80 >> (sector % 8));
    }
    if (bitmap.every((byte) => byte === 0)) continue;
    new DataView(table.buffer).setUint32(block * 4, end / SECTOR);
    parts.push(bitmap, data);
    end += bitmapSize + blockSize;
  }
  sealVhd(header, 36);
  return Buffer.concat([...parts, footer]);
}
