import { BackendError } from "@instar/backend";

import { Qcow2Error } from "./errors.js";
import { MAX_REFCOUNT_TABLE_BYTES } from "./geometry.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import { type HeldBlock, NextBlocks } from "./next-blocks.js";
import type { ClusterRange } from "./pending-frees.js";
import { presentBlocks, recodedBlock } from "./present-refcounts.js";
import { type RefcountCodec, refcountCodec } from "./refcount-codec.js";
import type { Refcounts } from "./refcounts.js";

/** Rows of clusters that have become free that are remembered. */
const MOST_FREED = 65_536;

/** What building the next refcounts needs. */
export interface NextRefcountsContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly refcounts: Refcounts;
  readonly metadata: MetadataRanges;
}

/**
 * The refcounts of the state that an image is to have next, built beside those of its present state. A block that
 * changes is copied to a free cluster, and the new table shows the copy; clusters that the present state counts are
 * never written to. So until the header switches nothing has happened, and if it never does, nothing is even leaked.
 *
 * Whoever uses it holds the lock of the allocator. Specification: "Host cluster management".
 */
export class NextRefcounts {
  readonly #its: NextRefcountsContext;
  readonly #codec: RefcountCodec;
  readonly #perBlock: number;
  readonly #blocks: NextBlocks;
  /** Changes that follow from blocks having moved: cluster and difference. */
  readonly #owed: [cluster: number, by: 1 | -1][] = [];
  /** No cluster before it is handed out any more. */
  #cursor: number;
  /** The first cluster that has become free. */
  firstFreed: number = Infinity;
  /** Clusters that have become free, of which some may be in use again; where there are many, not all. */
  readonly freed: ClusterRange[] = [];

  private constructor(context: NextRefcountsContext, offsets: number[], from: number, order: number) {
    const { file, layout } = context;
    this.#its = context;
    this.#codec = refcountCodec(order);
    this.#perBlock = (layout.clusterSize * 8) / 2 ** order;
    this.#blocks = new NextBlocks(file, layout.clusterSize, offsets);
    this.#cursor = from;
  }

  /**
   * Begins with the refcounts as they are, which are all in the file.
   *
   * @param from no cluster before this one is free
   * @param order `refcount_order` of the next state
   * @throws {@link Qcow2Error} `ERR_CORRUPT` for a refcount table that breaks its rules, `ERR_INVALID_OPTION` for a
   *   refcount that is too large for the width
   */
  static async begin(context: NextRefcountsContext, from: number, order: number): Promise<NextRefcounts> {
    const { file, header, layout } = context;
    const { refcountTableOffset, refcountTableClusters } = header.current;
    const present = await presentBlocks(file, header.current, layout);
    const isSame = order === layout.refcountOrder;
    const next = new NextRefcounts(context, isSame ? present : [], from, order);
    next.#owe(refcountTableOffset / layout.clusterSize, refcountTableClusters, -1);
    if (!isSame) await next.#recode(present);
    return next;
  }

  /** The refcount of a cluster; a promise where its block is not at hand. */
  get(cluster: number): number | Promise<number> {
    const index = Math.floor(cluster / this.#perBlock);
    const { held } = this.#blocks;
    if (held?.index === index) return this.#codec.get(held.lease.value, cluster % this.#perBlock);
    return this.#blocks.hold(index).then(({ lease }) => this.#codec.get(lease.value, cluster % this.#perBlock));
  }

  /**
   * Changes the refcount of a cluster by one, up or down; a promise where its block is not at hand.
   *
   * @throws {@link BackendError} `ERR_NO_SPACE` where the width of refcounts does not suffice; {@link Qcow2Error}
   *   `ERR_CORRUPT` where there is no reference to drop
   */
  add(cluster: number, by: 1 | -1): Promise<void> | undefined {
    const index = Math.floor(cluster / this.#perBlock);
    const { held } = this.#blocks;
    if (held?.index !== index || !this.#blocks.isPlaced(index)) return this.#addInBlock(index, cluster, by);
    this.#change(held, cluster, by);
    return undefined;
  }

  /** The same for clusters in a row. */
  async addRow(first: number, count: number, by: 1 | -1): Promise<void> {
    for (let cluster = first; cluster < first + count; cluster++) {
      const waited = this.add(cluster, by);
      if (waited) await waited;
    }
  }

  /** Finds clusters in a row that are free in the present state, and counts them in the next. Returns the first. */
  async allocate(count: number): Promise<number> {
    const first = await this.#find(count);
    await this.addRow(first, count, 1);
    return first;
  }

  /** Writes all of it. Returns what the header has to say, once everything is durable. */
  async finish(): Promise<{ readonly refcountTableOffset: number; readonly refcountTableClusters: number }> {
    const { layout, header } = this.#its;
    const { clusterSize } = layout;
    const blocks = this.#blocks;
    await this.#settle();
    let clusters = header.current.refcountTableClusters;
    let first: number;
    for (;;) {
      clusters = Math.max(clusters, Math.ceil((blocks.length * 8) / clusterSize));
      this.#refuseTable(clusters * clusterSize);
      first = await this.allocate(clusters);
      await this.#settle();
      if (blocks.length * 8 <= clusters * clusterSize) break;
      // Its own blocks have made it too long for the place that it has.
      this.#owe(first, clusters++, -1);
    }
    await blocks.write(first * clusterSize, clusters * clusterSize);
    return { refcountTableOffset: first * clusterSize, refcountTableClusters: clusters };
  }

  /** Lets go of what it holds in memory. */
  end(): void {
    this.#blocks.end();
  }

  async #addInBlock(index: number, cluster: number, by: 1 | -1): Promise<void> {
    if (!this.#blocks.isPlaced(index)) await this.#place(index);
    this.#change(await this.#blocks.hold(index), cluster, by);
  }

  #change({ lease }: HeldBlock, cluster: number, by: 1 | -1): void {
    const index = cluster % this.#perBlock;
    const refcount = this.#codec.get(lease.value, index);
    const where = `${this.#its.file.name}: cluster ${cluster}`;
    if (by === 1 && refcount >= this.#codec.max) {
      throw new BackendError("ERR_NO_SPACE", `${where} has ${refcount} references, and refcounts count no further`);
    }
    if (refcount === 0 && by === -1) {
      const message = `${where} is referred to, but its refcount is 0`;
      throw new Qcow2Error("ERR_CORRUPT", message, { field: "refcount", value: 0, rule: "at least 1" });
    }
    this.#codec.set(lease.value, index, refcount + by);
    if (refcount + by === 0) this.#noteFreed(cluster);
  }

  #noteFreed(cluster: number): void {
    this.firstFreed = Math.min(this.firstFreed, cluster);
    const last = this.freed.at(-1);
    if (last && last.first + last.count === cluster) last.count++;
    else if (this.freed.length < MOST_FREED) this.freed.push({ first: cluster, count: 1 });
  }

  /** Gives a block its place in the next state. */
  async #place(index: number): Promise<void> {
    const { clusterSize } = this.#its.layout;
    const place = await this.#find(1);
    const present = this.#blocks.place(index, place * clusterSize);
    this.#owe(place, 1, 1);
    if (present !== 0) this.#owe(present / clusterSize, 1, -1);
  }

  /** Writes all blocks anew, with another width. */
  async #recode(present: readonly number[]): Promise<void> {
    const { file, layout } = this.#its;
    const blocks = Math.ceil((present.length * layout.refcountsPerBlock) / this.#perBlock);
    for (let index = 0; index < blocks; index++) {
      const block = await recodedBlock({ file, layout, present }, this.#codec, this.#perBlock, index);
      if (!block) continue;
      await this.#place(index);
      await this.#blocks.put(index, block);
    }
    for (const offset of present) if (offset !== 0) this.#owe(offset / layout.clusterSize, 1, -1);
  }

  #owe(first: number, count: number, by: 1 | -1): void {
    for (let cluster = first; cluster < first + count; cluster++) this.#owed.push([cluster, by]);
  }

  /** Pays what is owed, which may make more blocks move. */
  async #settle(): Promise<void> {
    for (let owed = this.#owed.pop(); owed; owed = this.#owed.pop()) {
      await this.addRow(owed[0], 1, owed[1]);
    }
  }

  async #find(count: number): Promise<number> {
    const { refcounts, metadata, layout, file } = this.#its;
    let first = this.#cursor;
    let found = 0;
    for (let at = this.#cursor; found < count;) {
      const run = await refcounts.findFree(at, count - found);
      if (found > 0 && run.first === at) found += run.count;
      else ({ first, count: found } = run);
      at = run.count > 0 && run.first + run.count < run.end ? run.first + run.count : run.end;
      if (Number.isSafeInteger((at + 1) * layout.clusterSize)) continue;
      throw new Qcow2Error("ERR_CORRUPT", `${file.name}: no cluster below 2^53 is free`);
    }
    this.#cursor = first + count;
    metadata.refuse(first * layout.clusterSize, count * layout.clusterSize, "refcount 0");
    return first;
  }

  #refuseTable(bytes: number): void {
    if (bytes <= MAX_REFCOUNT_TABLE_BYTES) return;
    const message = `${this.#its.file.name}: the refcount table cannot grow beyond ${MAX_REFCOUNT_TABLE_BYTES} bytes`;
    throw new BackendError("ERR_NO_SPACE", message);
  }
}
