import { ruleError } from "./errors.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import { type RefcountCodec, refcountCodec } from "./refcount-codec.js";
import { growRefcountTable } from "./refcount-growth.js";
import type { SliceLease } from "./slice-cache.js";
import { entryText, refcountBlockOffset, refcountTableEntryProblem, writeOffset } from "./table-entry.js";
import type { Tables } from "./tables.js";

/** Free clusters in a row. */
export interface FreeRun {
  /** The first one's number. */
  readonly first: number;
  /** How many; 0 where the part that was looked at has none. */
  readonly count: number;
  /** The first cluster behind the part that was looked at. */
  readonly end: number;
}

/**
 * The refcounts of host clusters, which are known by their number (offset divided by the cluster size). Whoever calls
 * holds the lock of the {@link Allocator}. Specification: "Host cluster management".
 */
export class Refcounts {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #tables: Tables;
  readonly #metadata: MetadataRanges;
  readonly #codec: RefcountCodec;
  /** How many refcounts a slice holds. */
  readonly #perSlice: number;

  constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables, metadata: MetadataRanges) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#tables = tables;
    this.#metadata = metadata;
    this.#codec = refcountCodec(layout.refcountOrder);
    this.#perSlice = (tables.refcounts.sliceSize * 8) / layout.refcountBits;
  }

  /**
   * Looks for at most `most` free clusters in a row from `from` on, in one slice; everything is free where there is no
   * refcount block yet.
   */
  async findFree(from: number, most: number): Promise<FreeRun> {
    const end = (Math.floor(from / this.#perSlice) + 1) * this.#perSlice;
    const lease = this.#trySlice(from) ?? (await this.#slice(from));
    if (!lease) return { first: from, count: Math.min(most, end - from), end };
    try {
      const { bytes } = lease.value;
      const base = end - this.#perSlice;
      let first = from;
      while (first < end && this.#codec.get(bytes, first - base) !== 0) first++;
      let count = 0;
      while (count < most && first + count < end && this.#codec.get(bytes, first + count - base) === 0) count++;
      return { first, count, end };
    } finally {
      lease.release();
    }
  }

  /**
   * Sets the refcounts of free clusters to one, in one slice. They have a refcount block.
   *
   * @returns how many, beginning with `first`
   */
  async take(first: number, count: number): Promise<number> {
    return this.#change(first, count, () => 1);
  }

  /**
   * Counts one more reference to a cluster in use.
   *
   * @returns whether it could be counted: `false` for a cluster that is free, and where refcounts go no higher
   */
  async share(cluster: number): Promise<boolean> {
    let shared = false;
    await this.#change(cluster, 1, (refcount) => {
      shared = refcount > 0 && refcount < this.#codec.max;
      return shared ? refcount + 1 : refcount;
    });
    return shared;
  }

  /**
   * Lowers refcounts by one, in one slice. A refcount that is 0 already stays so.
   *
   * @returns how many clusters it has gone through, and those of them that have become free
   */
  async drop(first: number, count: number): Promise<{ readonly done: number; readonly free: number[] }> {
    const free: number[] = [];
    const done = await this.#change(first, count, (refcount, cluster) => {
      if (refcount === 0 || refcount > this.#codec.max) return refcount;
      if (refcount === 1) free.push(cluster);
      return refcount - 1;
    });
    return { done, free };
  }

  /** The end of the last cluster before `end` that is in use, as a number of clusters. */
  async usedEnd(end: number): Promise<number> {
    for (let stop = end; stop > 0;) {
      const base = Math.floor((stop - 1) / this.#perSlice) * this.#perSlice;
      const lease = await this.#slice(base);
      let used = lease ? stop : base;
      if (lease) {
        while (used > base && this.#codec.get(lease.value.bytes, used - 1 - base) === 0) used--;
        lease.release();
      }
      if (used > base) return used;
      stop = base;
    }
    return 0;
  }

  /**
   * Forgets a refcount block that counts nothing but itself.
   *
   * @returns whether the cluster was one; it is free then, as soon as the refcount table is durable
   */
  async dropLoneBlock(cluster: number): Promise<boolean> {
    const { clusterSize, refcountsPerBlock } = this.#layout;
    if (cluster < 0 || (await this.#blockOffset(cluster)) !== cluster * clusterSize) return false;
    const first = cluster - (cluster % refcountsPerBlock);
    // That nothing behind it is in use, whoever has looked for the last cluster knows.
    if ((await this.usedEnd(cluster)) > first) return false;
    const at = this.#header.current.refcountTableOffset + (first / refcountsPerBlock) * 8;
    const lease = await this.#tables.refcountTable.at(at);
    writeOffset(lease.value.view, this.#tables.refcountTable.position(at), 0);
    lease.markDirty();
    lease.release();
    await this.#tables.refcounts.forget(cluster * clusterSize, clusterSize);
    this.#metadata.remove(cluster * clusterSize);
    return true;
  }

  /** Whether the cluster has a refcount block. */
  async hasBlock(cluster: number): Promise<boolean> {
    return (this.#tryBlockOffset(cluster) ?? (await this.#blockOffset(cluster))) !== 0;
  }

  /**
   * Makes the refcount block of a free cluster out of this very cluster, so that it counts itself.
   *
   * @returns clusters that are not used any more: those of the old refcount table, where it had to grow
   */
  async createBlock(cluster: number): Promise<{ readonly first: number; readonly count: number } | undefined> {
    const { clusterSize, refcountBlockBits, refcountsPerBlock } = this.#layout;
    const { refcountTableClusters, refcountTableOffset } = this.#header.current;
    const index = Math.floor(cluster / 2 ** refcountBlockBits);
    if (index * 8 >= refcountTableClusters * clusterSize) {
      const blocks = await growRefcountTable(this.#file, this.#header, this.#layout, this.#tables, index);
      for (const block of blocks) this.#metadata.add(block, "refcount block");
      return { first: refcountTableOffset / clusterSize, count: refcountTableClusters };
    }
    const block = new Uint8Array(clusterSize);
    this.#codec.set(block, cluster % refcountsPerBlock, 1);
    await this.#tables.refcounts.forget(cluster * clusterSize, clusterSize);
    await this.#file.writeData(block, cluster * clusterSize);
    await this.#tables.orderRefcountTable();
    const at = refcountTableOffset + index * 8;
    const lease = await this.#tables.refcountTable.at(at);
    try {
      writeOffset(lease.value.view, this.#tables.refcountTable.position(at), cluster * clusterSize);
      lease.markDirty();
    } finally {
      lease.release();
    }
    this.#metadata.add(cluster * clusterSize, "refcount block");
    return undefined;
  }

  async #change(first: number, count: number, next: (refcount: number, cluster: number) => number): Promise<number> {
    const base = Math.floor(first / this.#perSlice) * this.#perSlice;
    const done = Math.min(count, base + this.#perSlice - first);
    const lease = this.#trySlice(first, true) ?? (await this.#slice(first, true));
    if (!lease) return done;
    try {
      for (let cluster = first; cluster < first + done; cluster++) {
        const refcount = this.#codec.get(lease.value.bytes, cluster - base);
        const changed = next(refcount, cluster);
        if (changed !== refcount) this.#codec.set(lease.value.bytes, cluster - base, changed);
      }
      lease.markDirty();
    } finally {
      lease.release();
    }
    return done;
  }

  /** The slice of the refcount block that holds a cluster's refcount, if it is cached. */
  #trySlice(cluster: number, toChange = false): SliceLease | undefined {
    const block = this.#tryBlockOffset(cluster) ?? 0;
    return block === 0 ? undefined : this.#tables.refcounts.tryAt(this.#place(cluster, block, toChange));
  }

  /** The slice of the refcount block that holds a cluster's refcount, or `undefined` without a block. */
  async #slice(cluster: number, toChange = false): Promise<SliceLease | undefined> {
    const block = await this.#blockOffset(cluster);
    return block === 0 ? undefined : this.#tables.refcounts.at(this.#place(cluster, block, toChange));
  }

  /** Where in the file the refcount of a cluster is, or the byte that holds it. */
  #place(cluster: number, block: number, toChange: boolean): number {
    if (toChange) this.#metadata.require(block, "refcount block");
    const { refcountsPerBlock, refcountBits } = this.#layout;
    return block + Math.floor(((cluster % refcountsPerBlock) * refcountBits) / 8);
  }

  /** Where the refcount block of a cluster is, 0 without one; `undefined` where that is not cached. */
  #tryBlockOffset(cluster: number): number | undefined {
    const at = this.#entryAt(cluster);
    if (at === undefined) return 0;
    const lease = this.#tables.refcountTable.tryAt(at);
    return lease && this.#blockOffsetIn(lease, at);
  }

  async #blockOffset(cluster: number): Promise<number> {
    const at = this.#entryAt(cluster);
    return at === undefined ? 0 : this.#blockOffsetIn(await this.#tables.refcountTable.at(at), at);
  }

  /** Where in the file the refcount table has its entry for the block of a cluster, if it is that long. */
  #entryAt(cluster: number): number | undefined {
    const { clusterSize, refcountBlockBits } = this.#layout;
    const { refcountTableClusters, refcountTableOffset } = this.#header.current;
    const index = Math.floor(cluster / 2 ** refcountBlockBits);
    return index * 8 < refcountTableClusters * clusterSize ? refcountTableOffset + index * 8 : undefined;
  }

  /** What the entry of the refcount table at an offset says. Ends the lease. */
  #blockOffsetIn(lease: SliceLease, at: number): number {
    try {
      const position = this.#tables.refcountTable.position(at);
      const high = lease.value.view.getUint32(position);
      const low = lease.value.view.getUint32(position + 4);
      const rule = refcountTableEntryProblem(high, low, this.#layout.clusterSize, this.#file.size);
      if (rule === undefined) return refcountBlockOffset(high, low);
      const field = `refcount table entry ${(at - this.#header.current.refcountTableOffset) / 8}`;
      throw ruleError("ERR_CORRUPT", this.#file.name, field, entryText(high, low), `valid: it must ${rule}`);
    } finally {
      lease.release();
    }
  }
}
