import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import { type RefcountCodec, refcountCodec } from "./refcount-codec.js";
import { growRefcountTable } from "./refcount-growth.js";
import { RefcountSlices } from "./refcount-slices.js";
import type { SliceLease } from "./slice-cache.js";
import { writeOffset } from "./table-entry.js";
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

/** What becomes of the refcount of a cluster. */
type NextRefcount = (refcount: number, cluster: number) => number;

/**
 * The refcounts of host clusters, which are known by their number (offset divided by the cluster size). Whoever calls
 * holds the lock of the {@link Allocator}, or calls what does not wait while nobody holds it. Specification: "Host
 * cluster management".
 */
export class Refcounts {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #tables: Tables;
  readonly #metadata: MetadataRanges;
  readonly #slices: RefcountSlices;
  readonly #codec: RefcountCodec;
  /** How many refcounts a slice holds. */
  readonly #perSlice: number;

  constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables, metadata: MetadataRanges) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#tables = tables;
    this.#metadata = metadata;
    this.#slices = new RefcountSlices(file, header, layout, tables, metadata);
    this.#codec = refcountCodec(layout.refcountOrder);
    this.#perSlice = (tables.refcounts.sliceSize * 8) / layout.refcountBits;
  }

  /** As {@link findFree}, if the slice is cached. */
  tryFindFree(from: number, most: number): FreeRun | undefined {
    const lease = this.#slices.trySlice(from);
    return lease && this.#freeIn(lease, from, most);
  }

  /**
   * Looks for at most `most` free clusters in a row from `from` on, in one slice; everything is free where there is no
   * refcount block yet.
   */
  async findFree(from: number, most: number): Promise<FreeRun> {
    const lease = this.#slices.trySlice(from) ?? (await this.#slices.slice(from));
    if (lease) return this.#freeIn(lease, from, most);
    const end = this.#sliceEnd(from);
    return { first: from, count: Math.min(most, end - from), end };
  }

  /** As {@link take}, if the slice is cached. */
  tryTake(first: number, count: number): number | undefined {
    const lease = this.#slices.trySlice(first, true);
    return lease && this.#changeIn(lease, first, count, () => 1);
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
      const lease = await this.#slices.slice(base);
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
    if (cluster < 0 || (await this.#slices.blockOffset(cluster)) !== cluster * clusterSize) return false;
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
    return (this.#slices.tryBlockOffset(cluster) ?? (await this.#slices.blockOffset(cluster))) !== 0;
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

  async #change(first: number, count: number, next: NextRefcount): Promise<number> {
    const lease = this.#slices.trySlice(first, true) ?? (await this.#slices.slice(first, true));
    return lease ? this.#changeIn(lease, first, count, next) : Math.min(count, this.#sliceEnd(first) - first);
  }

  /** Changes refcounts in the slice of the first one. Ends the lease. */
  #changeIn(lease: SliceLease, first: number, count: number, next: NextRefcount): number {
    const end = this.#sliceEnd(first);
    const base = end - this.#perSlice;
    const done = Math.min(count, end - first);
    const { bytes } = lease.value;
    try {
      for (let cluster = first; cluster < first + done; cluster++) {
        const refcount = this.#codec.get(bytes, cluster - base);
        const changed = next(refcount, cluster);
        if (changed !== refcount) this.#codec.set(bytes, cluster - base, changed);
      }
      lease.markDirty();
    } finally {
      lease.release();
    }
    return done;
  }

  /** Looks for free clusters in the slice of `from`. Ends the lease. */
  #freeIn(lease: SliceLease, from: number, most: number): FreeRun {
    const end = this.#sliceEnd(from);
    const base = end - this.#perSlice;
    const { bytes } = lease.value;
    try {
      let first = from;
      while (first < end && this.#codec.get(bytes, first - base) !== 0) first++;
      let count = 0;
      while (count < most && first + count < end && this.#codec.get(bytes, first + count - base) === 0) count++;
      return { first, count, end };
    } finally {
      lease.release();
    }
  }

  /** The first cluster behind those whose refcounts are in one slice with that of `cluster`. */
  #sliceEnd(cluster: number): number {
    return (Math.floor(cluster / this.#perSlice) + 1) * this.#perSlice;
  }
}
