import { hasExtendedL2, headerGeometry, parseHeader, type Qcow2Header } from "../src/header.js";
import { refcountCodec } from "../src/refcount-codec.js";
import { readOffset } from "../src/table-entry.js";

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

/** Bit 63. */
export const COPIED: bigint = 1n << 63n;
