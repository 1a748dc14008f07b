import { readFileSync } from "node:fs";

import { hasExtendedL2, headerGeometry, parseHeader, type Qcow2Header } from "../src/header.js";
import { refcountCodec } from "../src/refcount-codec.js";
import { readOffset } from "../src/table-entry.js";
import { qemuImg, qemuIo } from "./format-support.js";

/** The bytes of an image, to be damaged. Every method returns what it did, for messages. */
export class Damage {
  readonly bytes: Uint8Array;
  readonly header: Qcow2Header;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.bytes.buffer);
    this.header = parseHeader(this.bytes, this.bytes.byteLength, "damaged");
  }

  get clusterSize(): number {
    return 2 ** this.header.clusterBits;
  }

  /** Bytes of an L2 entry. */
  get entrySize(): number {
    return hasExtendedL2(this.header) ? 16 : 8;
  }

  /** Offsets of the L2 tables, 0 for none. */
  get l2Tables(): number[] {
    return Array.from({ length: this.header.l1Size }, (_, i) =>
      readOffset(this.#view, this.header.l1TableOffset + i * 8),
    );
  }

  /** Positions in the file of all L2 entries that are not zero. */
  get l2Entries(): number[] {
    return this.l2Tables
      .filter((table) => table !== 0 && table + this.clusterSize <= this.bytes.byteLength)
      .flatMap((table) =>
        Array.from({ length: this.clusterSize / this.entrySize }, (_, i) => table + i * this.entrySize),
      )
      .filter((position) => this.#view.getBigUint64(position) !== 0n);
  }

  /** The eight bytes at a position of the file. */
  entryAt(position: number): bigint {
    return this.#view.getBigUint64(position);
  }

  setRefcount(cluster: number, value: number): string {
    const { refcountsPerBlock, refcountOrder } = headerGeometry(this.header);
    const block = readOffset(this.#view, this.header.refcountTableOffset + Math.floor(cluster / refcountsPerBlock) * 8);
    if (block === 0 || block + this.clusterSize > this.bytes.byteLength) return "nothing: the refcount block is lost";
    const bytes = this.bytes.subarray(block, block + this.clusterSize);
    refcountCodec(refcountOrder).set(bytes, cluster % refcountsPerBlock, value);
    return `refcount of cluster ${cluster} becomes ${value}`;
  }

  /** Changes the eight bytes at a position of the file. */
  change(position: number, change: (entry: bigint) => bigint): string {
    const before = this.#view.getBigUint64(position);
    const after = BigInt.asUintN(64, change(before));
    this.#view.setBigUint64(position, after);
    return `0x${before.toString(16)} at ${position} becomes 0x${after.toString(16)}`;
  }
}

/**
 * What damage upon damage can make and QEMU thinks less of: it takes the header for an L2 table, or lets a flag stand
 * that version 2 and extended entries do not have.
 */
export const QEMU_MISSES: RegExp = /flags without an offset|in a version 2 image|being extended/;

/** Bit 63. */
export const COPIED: bigint = 1n << 63n;

/** The seed of this run: INSTAR_SEED, or one of its own, which the tests print. */
export const seed: number = Number(process.env["INSTAR_SEED"] ?? Date.now() % 2 ** 32);

/** Integers from 0 to below a bound, the same ones for the same seed (mulberry32). */
export function random(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One of many ways to damage an image; says what it did. */
export function damage(image: Damage, pick: (below: number) => number, maxRefcount: number): string {
  const { header, l2Entries } = image;
  const size = BigInt(image.clusterSize);
  const clusters = Math.ceil(image.bytes.byteLength / image.clusterSize);
  const withOffset = (entry: bigint, cluster: number): bigint => (entry & ~0xfffffffffe00n) | (BigInt(cluster) * size);
  const l1Entry = header.l1TableOffset + pick(header.l1Size) * 8;
  const tableEntry = header.refcountTableOffset + pick(3) * 8;
  const l2Entry = l2Entries[pick(l2Entries.length)];
  if (l2Entry === undefined) return "nothing: no L2 entry is left";
  // Compressed entries are laid out differently: they only lose or gain flags.
  const standard = (change: (entry: bigint) => bigint): string =>
    image.change(l2Entry, (entry) => ((entry >> 62n) & 1n ? entry ^ COPIED : change(entry)));
  const ways = [
    () => image.setRefcount(pick(clusters), pick(maxRefcount + 1)),
    () => image.change(l2Entry, (entry) => entry ^ COPIED),
    () => image.change(l2Entry, () => 0n),
    () => standard((entry) => withOffset(entry, pick(clusters))),
    () => standard((entry) => withOffset(entry, clusters + pick(50))),
    () => standard((entry) => entry | 0x100000000000002n),
    () => standard((entry) => entry ^ 512n),
    () => image.change(l1Entry, (entry) => (entry === 0n ? entry : entry ^ COPIED)),
    () => image.change(l1Entry, () => 0n),
    () => image.change(l1Entry, () => withOffset(COPIED, clusters + pick(10))),
    () => image.change(l1Entry, (entry) => (entry === 0n ? entry : entry | 0x100n)),
    () => image.change(tableEntry, () => BigInt(pick(clusters)) * size),
    () => image.change(tableEntry, () => BigInt(clusters + pick(20)) * size),
    () => image.change(tableEntry, (entry) => entry | 512n),
    () => image.change(tableEntry, (entry) => entry | 4n),
  ];
  if (image.entrySize === 16) {
    ways.push(
      () => image.change(l2Entry + 8, (bitmap) => bitmap | (1n << BigInt(pick(64)))),
      () => image.change(l2Entry + 8, (bitmap) => bitmap ^ (0x1_0000_0001n << BigInt(pick(32)))),
      () => image.change(l2Entry, (entry) => entry | 1n),
    );
  }
  return ways[pick(ways.length)]?.() ?? "";
}

/** An image of QEMU's with a bit of everything. */
export function imageToDamage(path: string, options: string, bitmap = true): Uint8Array {
  const version3 = !options.includes("0.10");
  qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, "2M");
  // Bytes are even: read as an L2 entry of version 2 they have bit 0 clear, which qemu-img does not look at.
  qemuIo(path, "write -P 2 0 100k", "write -P 4 700k 50k", "write -P 8 1500k 512");
  for (const command of ["write -c -P 3 256k 64k", "write -c -P 3 320k 64k"]) qemuIo(path, command);
  if (version3) qemuIo(path, "write -z 448k 64k", "write -z 0 64k");
  if (!/bits=[12]\b/.test(options)) {
    qemuImg("snapshot", "-c", "before", path);
    qemuIo(path, "write -P 10 64k 70k");
  }
  if (version3 && bitmap) qemuImg("bitmap", "--add", path, "changes");
  return readFileSync(path);
}
