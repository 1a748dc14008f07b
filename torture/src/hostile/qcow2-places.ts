import { type Base, type Place, row } from "./base.ts";

/** Fields of the header: name, offset, bytes. */
const HEADER: readonly (readonly [string, number, Place["width"]])[] = [
  ["magic", 0, 4],
  ["version", 4, 4],
  ["backing_file_offset", 8, 8],
  ["backing_file_size", 16, 4],
  ["cluster_bits", 20, 4],
  ["size", 24, 8],
  ["crypt_method", 32, 4],
  ["l1_size", 36, 4],
  ["l1_table_offset", 40, 8],
  ["refcount_table_offset", 48, 8],
  ["refcount_table_clusters", 56, 4],
  ["nb_snapshots", 60, 4],
  ["snapshots_offset", 64, 8],
  ["incompatible_features", 72, 8],
  ["compatible_features", 80, 8],
  ["autoclear_features", 88, 8],
  ["refcount_order", 96, 4],
  ["header_length", 100, 4],
  ["compression_type", 104, 1],
];
const OFFSET = 0x00ff_ffff_ffff_fe00n;
const BITMAPS = 0x2385_2875;

/** Finds the structures of a sound qcow2 image. */
export function qcow2Base(title: string, bytes: Uint8Array): Base {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number): number => Number(view.getBigUint64(at));
  const pointer = (at: number): number => Number(view.getBigUint64(at) & OFFSET);
  const clusterSize = 2 ** view.getUint32(20);
  const places: Place[] = HEADER.map(([name, offset, width]) => ({ name, offset, width }));
  const structures = new Set<number>([0, bytes.byteLength, bytes.byteLength - clusterSize, clusterSize]);

  /** Takes a table of offsets, its first entries and those that point somewhere; returns where they point. */
  const table = (name: string, at: number, entries: number): number[] => {
    structures.add(at);
    const inside = Math.min(entries, (bytes.byteLength - at) / 8);
    const targets: number[] = [];
    for (let index = 0; index < inside && targets.length < 24; index++) {
      const target = pointer(at + index * 8);
      if (index >= 4 && target === 0) continue;
      places.push(...row(`${name} entry ${index}`, at + index * 8, 1, 8));
      if (target > 0 && target < bytes.byteLength && target % 512 === 0) targets.push(target);
    }
    for (const target of targets.slice(0, 4)) structures.add(target);
    return targets;
  };
  const mapping = (name: string, at: number, entries: number): void => {
    for (const l2 of table(name, at, entries).slice(0, 3)) table(`L2 at ${l2}`, l2, clusterSize / 8);
  };

  mapping("L1", u64(40), view.getUint32(36));
  const blocks = table("refcount table", u64(48), (view.getUint32(56) * clusterSize) / 8);
  for (const block of blocks.slice(0, 2)) places.push(...row(`refcounts at ${block}`, block, 24, 2));
  places.push(...extensions(view, clusterSize));
  for (let index = 0, at = u64(64); index < Math.min(4, view.getUint32(60)); index++) {
    structures.add(at);
    places.push(...row(`snapshot ${index} l1_table_offset`, at, 1, 8), ...row(`snapshot ${index}`, at + 8, 8, 4));
    places.push(...row(`snapshot ${index} extra`, at + 40, 4, 8), ...row(`snapshot ${index} lengths`, at + 12, 2, 2));
    mapping(`snapshot ${index} L1`, u64(at), view.getUint32(at + 8));
    const length = 40 + view.getUint32(at + 36) + view.getUint16(at + 12) + view.getUint16(at + 14);
    at += Math.ceil(length / 8) * 8;
  }
  const values = [...structures].flatMap((at) => [BigInt(at), BigInt(at) | (1n << 63n), BigInt(at) | (1n << 62n)]);
  return { title, format: "qcow2", bytes, places, values };

  function extensions(header: DataView, limit: number): Place[] {
    const found: Place[] = [];
    for (let at = header.getUint32(4) === 2 ? 72 : header.getUint32(100); at + 8 <= limit;) {
      const [type, length] = [header.getUint32(at), header.getUint32(at + 4)];
      found.push(...row(`extension at ${at}`, at, 2, 4), ...row(`extension at ${at} content`, at + 8, 3, 8));
      if (type === BITMAPS) found.push(...bitmaps(at + 8));
      if (type === 0) break;
      at += 8 + Math.ceil(length / 8) * 8;
    }
    return found;
  }

  function bitmaps(at: number): Place[] {
    const directory = u64(at + 16);
    structures.add(directory);
    structures.add(u64(directory));
    return [
      ...row("bitmap directory", directory, 2, 8),
      ...row("bitmap directory", directory + 8, 4, 4),
      ...row("bitmap granularity", directory + 16, 4, 1),
      ...row("bitmap table", u64(directory), 4, 8),
    ];
  }
}
