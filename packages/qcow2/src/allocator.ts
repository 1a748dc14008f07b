import { Mutex } from "async-mutex";

import { Qcow2Error } from "./errors.js";
import type { Flights } from "./flights.js";
import type { FreedSpace } from "./freed-space.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { ClusterRange, FreedBatch, PendingFrees } from "./pending-frees.js";
import type { Refcounts } from "./refcounts.js";

/** Host clusters in a row that belong to whoever has allocated them. */
export interface Allocation {
  /** Number of the first cluster. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** Whether nothing was ever written there and the file ends before, so that they read as zeroes once it grows. */
  readonly virgin: boolean;
}

/** Bytes in a row for compressed data, and the host clusters that were counted for them. */
export interface PackedBytes extends Readonly<ClusterRange> {
  /** Offset of the first byte in the file. */
  readonly offset: number;
}

/** Hands out host clusters, first fit, and takes them back. */
export class Allocator {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #refcounts: Refcounts;
  readonly #metadata: MetadataRanges;
  readonly #frees: PendingFrees;
  readonly #space: FreedSpace;
  readonly #lock = new Mutex();
  /** No cluster before this one is free. */
  #hint = 0;
  /** From this cluster on nothing was ever written. */
  #virginFrom: number;
  /** The cluster that compressed data was put into last, and how many of its bytes are used. */
  #packed: { readonly cluster: number; used: number } | undefined;

  constructor(
    file: HostFile,
    header: LiveHeader,
    layout: Layout,
    refcounts: Refcounts,
    metadata: MetadataRanges,
    frees: PendingFrees,
    space: FreedSpace,
  ) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#refcounts = refcounts;
    this.#metadata = metadata;
    this.#frees = frees;
    this.#space = space;
    this.#virginFrom = Math.ceil(file.size / layout.clusterSize);
  }

  /** Allocates from 1 to `most` clusters in a row. Their refcounts are one, and not durable yet. */
  async allocate(most: number): Promise<Allocation> {
    return this.#tryAllocate(most) ?? this.#lock.runExclusive(() => this.#allocate(most, 1));
  }

  /** Allocates exactly `count` clusters in a row. */
  allocateRow(count: number): Promise<Allocation> {
    return this.#lock.runExclusive(() => this.#allocate(count, count));
  }

  /**
   * Allocates bytes for compressed data, at most a cluster: behind those that were allocated last where there is room,
   * even into a cluster that follows. Each cluster they touch is counted once for them.
   */
  allocateBytes(length: number): Promise<PackedBytes> {
    return this.#lock.runExclusive(() => this.#allocateBytes(length));
  }

  /** Takes back clusters that were never linked. What was being written to them must have ended, or failed. */
  giveBack({ first, count }: Readonly<ClusterRange>): void {
    this.#frees.add(first, count);
  }

  /** Lowers the refcounts of all that may be released, and lets what becomes free be allocated again. */
  release(flights: Flights): Promise<void> {
    return this.#lock.runExclusive(async () => {
      const ended = (mark: number): boolean => flights.ended(mark);
      for (let batch = this.#frees.releasable(ended); batch; batch = this.#frees.releasable(ended)) {
        await this.#releaseBatch(batch);
      }
    });
  }

  /**
   * Runs `work` while nothing is allocated or released. It is told before which cluster none is free, and returns a
   * cluster before which none is free afterwards.
   */
  rearrange(work: (hint: number) => Promise<number>): Promise<void> {
    return this.#lock.runExclusive(async () => {
      try {
        this.#hint = Math.min(this.#hint, await work(this.#hint));
      } finally {
        this.#packed = undefined;
        this.#touched(Math.ceil(this.#file.size / this.#layout.clusterSize));
      }
    });
  }

  async #releaseBatch({ ranges }: FreedBatch): Promise<void> {
    for (let range = ranges[0]; range; range = ranges[0]) {
      while (range.count > 0) {
        const { done, free } = await this.#refcounts.drop(range.first, range.count);
        range.first += done;
        range.count -= done;
        this.#hint = Math.min(this.#hint, free[0] ?? this.#hint);
        // What becomes free may soon be somebody else's: nothing more is put behind the compressed data that was there.
        if (this.#packed && free.includes(this.#packed.cluster)) this.#packed = undefined;
        for (const cluster of free) this.#metadata.refuse(cluster * this.#layout.clusterSize, 1, "let go");
        await this.#space.giveBack(free);
      }
      ranges.shift();
    }
  }

  async #allocateBytes(length: number): Promise<PackedBytes> {
    const { clusterSize } = this.#layout;
    const packed = this.#packed;
    const room = packed ? clusterSize - packed.used : 0;
    if (packed && room >= length && (await this.#refcounts.share(packed.cluster))) {
      const offset = packed.cluster * clusterSize + packed.used;
      packed.used += length;
      return { offset, first: packed.cluster, count: 1 };
    }
    const fresh = await this.#allocate(1, 1);
    const follows = packed && room > 0 && room < length && fresh.first === packed.cluster + 1;
    try {
      if (follows && (await this.#refcounts.share(packed.cluster))) {
        this.#packed = { cluster: fresh.first, used: length - room };
        return { offset: fresh.first * clusterSize - room, first: packed.cluster, count: 2 };
      }
    } catch (error) {
      this.giveBack(fresh);
      throw error;
    }
    this.#packed = { cluster: fresh.first, used: length };
    return { offset: fresh.first * clusterSize, first: fresh.first, count: 1 };
  }

  /** Allocates at once, where nobody holds the lock and nothing has to be waited for: the case that matters for speed. */
  #tryAllocate(most: number): Allocation | undefined {
    if (this.#lock.isLocked() || !this.#header.isSettled) return undefined;
    const free = this.#refcounts.tryFindFree(this.#hint, most);
    if (!free || free.count === 0) return undefined;
    const { first, count } = free;
    this.#check(first + count);
    this.#refuseMetadata(first, count);
    return this.#refcounts.tryTake(first, count) === undefined ? undefined : this.#allocated(first, count, 1);
  }

  async #allocate(most: number, least: number): Promise<Allocation> {
    await this.#header.settle();
    const { first, count } = await this.#find(most, least);
    this.#refuseMetadata(first, count);
    let taken = 0;
    try {
      while (taken < count) taken += await this.#refcounts.take(first + taken, count - taken);
    } catch (error) {
      if (taken > 0) this.#frees.add(first, taken);
      throw error;
    }
    return this.#allocated(first, count, least);
  }

  #refuseMetadata(first: number, count: number): void {
    const { clusterSize } = this.#layout;
    this.#metadata.refuse(first * clusterSize, count * clusterSize, "refcount 0");
  }

  #allocated(first: number, count: number, least: number): Allocation {
    const virgin = first >= this.#virginFrom;
    this.#touched(first + count);
    if (least === 1 || first === this.#hint) this.#hint = first + count;
    return { first, count, virgin };
  }

  /** Looks for clusters in a row that are free and have refcount blocks, which are created where they are missing. */
  async #find(most: number, least: number): Promise<{ first: number; count: number }> {
    let first = this.#hint;
    let count = 0;
    let at = this.#hint;
    while (count < least) {
      if (!(await this.#refcounts.hasBlock(at))) {
        await this.#createBlock(at);
        continue;
      }
      const found = await this.#refcounts.findFree(at, most - count);
      if (count > 0 && found.first === at) count += found.count;
      else ({ first, count } = found);
      at = found.count > 0 && found.first + found.count < found.end ? found.first + found.count : found.end;
      this.#check(at);
    }
    return { first, count };
  }

  async #createBlock(cluster: number): Promise<void> {
    const { clusterSize } = this.#layout;
    this.#metadata.refuse(cluster * clusterSize, clusterSize, "no refcount block");
    try {
      const unused = await this.#refcounts.createBlock(cluster);
      if (unused) this.#frees.add(unused.first, unused.count);
    } finally {
      // Also where it has failed, something may have been written behind the end of the file.
      this.#touched(Math.max(cluster + 1, Math.ceil(this.#file.size / clusterSize)));
    }
  }

  #touched(end: number): void {
    this.#virginFrom = Math.max(this.#virginFrom, end);
  }

  #check(cluster: number): void {
    if (Number.isSafeInteger((cluster + 1) * this.#layout.clusterSize)) return;
    throw new Qcow2Error("ERR_CORRUPT", `${this.#file.name}: no cluster below 2^53 is free`);
  }
}
