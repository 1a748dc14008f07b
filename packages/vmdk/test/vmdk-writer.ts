import { deflateSync } from "node:zlib";

const SECTOR = 512;

/** What to make a sparse extent of. */
export interface SparseContents {
  readonly contents: Uint8Array;
  readonly grainSize: number;
  /** Entries of a grain table; 512 unless told. */
  readonly tableEntries?: number;
  /** Makes a stream: compressed grains behind markers, and the directory behind them. */
  readonly stream?: boolean;
  /** The text inside; without one it is an extent of a disk that another file describes. */
  readonly descriptor?: string;
  /** What the parent has: grains that are the same are not stored, grains of zeroes are marked as such. */
  readonly parent?: Uint8Array;
}

/** The text of a descriptor. */
export function descriptorOf(
  createType: string,
  extents: readonly string[],
  ids: { readonly cid?: string; readonly parent?: string; readonly parentName?: string } = {},
): string {
  const { cid = "12345678", parent = "ffffffff", parentName } = ids;
  const hint = parentName === undefined ? [] : [`parentFileNameHint="${parentName}"`];
  const head = [
    "# Disk DescriptorFile",
    "version=1",
    `CID=${cid}`,
    `parentCID=${parent}`,
    `createType="${createType}"`,
  ];
  return [...head, ...hint, "", "# Extent description", ...extents, "", "#DDB", 'ddb.adapterType = "ide"', ""].join(
    "\n",
  );
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / SECTOR) * SECTOR);
  whole.set(bytes);
  return whole;
}

function marker(type: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  new DataView(bytes.buffer).setUint32(12, type, true);
  return bytes;
}

function table(entries: readonly number[]): Uint8Array {
  return padded(new Uint8Array(Uint32Array.from(entries).buffer));
}

/** A file that is a sparse extent. */
export function makeSparse(image: SparseContents): Uint8Array {
  const { contents, grainSize, tableEntries = 512, stream = false, descriptor, parent } = image;
  const grains = Math.ceil(contents.length / grainSize);
  const text = descriptor === undefined ? new Uint8Array(0) : padded(Buffer.from(descriptor));
  const header = new Uint8Array(SECTOR);
  const view = new DataView(header.buffer);
  const u64 = (position: number, value: number): void => view.setBigUint64(position, BigInt(value), true);
  header.set(Buffer.from("KDMV"));
  view.setUint32(4, stream ? 3 : 1, true);
  view.setUint32(8, 1 | (parent ? 4 : 0) | (stream ? 0x30000 : 0), true);
  u64(12, contents.length / SECTOR);
  u64(20, grainSize / SECTOR);
  if (text.length > 0) u64(28, 1);
  u64(36, text.length / SECTOR);
  view.setUint32(44, tableEntries, true);
  header.set([10, 32, 13, 10], 73);
  view.setUint16(77, stream ? 1 : 0, true);

  const parts: Uint8Array[] = [header, text];
  let end = SECTOR + text.length;
  const put = (bytes: Uint8Array): number => {
    const at = end / SECTOR;
    parts.push(bytes);
    end += bytes.length;
    return at;
  };
  const entries: number[] = [];
  for (let grain = 0; grain < grains; grain++) {
    const range = [grain * grainSize, (grain + 1) * grainSize] as const;
    const data = contents.subarray(...range);
    const zero = data.every((byte) => byte === 0);
    const same = parent ? Buffer.compare(data, parent.subarray(...range)) === 0 : zero;
    if (same) entries.push(0);
    else if (parent && zero) entries.push(1);
    else if (stream) {
      const packed = deflateSync(data);
      const stored = new Uint8Array(12 + packed.length);
      new DataView(stored.buffer).setUint32(0, range[0] / SECTOR, true);
      new DataView(stored.buffer).setUint32(8, packed.length, true);
      stored.set(packed, 12);
      entries.push(put(padded(stored)));
    } else {
      const whole = new Uint8Array(grainSize);
      whole.set(data);
      entries.push(put(whole));
    }
  }
  const directory: number[] = [];
  for (let first = 0; first < grains; first += tableEntries) {
    const part = entries.slice(first, first + tableEntries);
    directory.push(part.every((entry) => entry === 0) ? 0 : put(table(part)));
  }
  const directoryAt = put(table(directory));
  if (!stream) {
    u64(56, directoryAt);
    return Buffer.concat(parts);
  }
  const footer = header.slice();
  new DataView(footer.buffer).setBigUint64(56, BigInt(directoryAt), true);
  view.setBigUint64(56, 0xffffffffffffffffn, true);
  return Buffer.concat([...parts, marker(3), footer, marker(0)]);
}

/** A file with everything in it. */
export function makeVmdk(
  image: Omit<SparseContents, "descriptor">,
  ids?: Parameters<typeof descriptorOf>[2],
): Uint8Array {
  const line = `RW ${image.contents.length / SECTOR} SPARSE "disk.vmdk"`;
  const type = image.stream ? "streamOptimized" : "monolithicSparse";
  return makeSparse({ ...image, descriptor: descriptorOf(type, [line], ids) });
}
