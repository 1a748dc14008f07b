import { SpareBuffers } from "@instar/backend";

import type { Allocation, Allocator } from "./allocator.js";
import type { GuestData } from "./guest-data.js";
import type { L2Tables } from "./l2-tables.js";
import { type L2Entry, lowestBit, subclusters, UNALLOCATED } from "./l2-entry.js";
import { letGo } from "./let-go.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { GuestMap, Run } from "./mapping.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Reader } from "./reader.js";
import type { Tables } from "./tables.js";

/** Up to this many bytes, what is copied and what is written go out as one request. */
const MERGE = 1024 * 1024;

/** Up to this many bytes between what is copied before and behind are read with it, instead of two requests. */
const READ_OVER = 16_384;

/** Bytes of spare buffers that are kept, or one buffer. */
const SPARE = 1024 * 1024;

/** What writing to fresh clusters needs. */
export interface FreshClustersContext {
  readonly data: GuestData;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l2Tables: L2Tables;
  readonly allocator: Allocator;
  readonly frees: PendingFrees;
  readonly map: GuestMap;
  readonly reader: Reader;
}

/** Guest bytes from an offset to another. */
interface Span {
  readonly begin: number;
  readonly end: number;
}

/**
 * Writes to guest clusters that cannot be written in place: allocate, write the data with what surrounds it in its
 * subclusters, then link. The caller has locked the clusters.
 */
export class FreshClusters {
  readonly #its: FreshClustersContext;
  /** For what goes out with what surrounds it in its cluster. */
  readonly #spare: SpareBuffers;

  constructor(context: FreshClustersContext) {
    this.#its = context;
    this.#spare = new SpareBuffers(Math.max(1, Math.floor(SPARE / context.layout.clusterSize)));
  }

  /**
   * Writes `source` at `run.guestOffset`, or the beginning of it. The clusters have one L2 slice.
   *
   * @returns how many bytes have been written
   */
  async write(source: Uint8Array, run: Run): Promise<number> {
    const { layout, l2Tables, allocator } = this.#its;
    const { clusterSize, subclusterSize, l2Coverage } = layout;
    const begin = run.guestOffset - (run.guestOffset % clusterSize);
    const wanted = Math.ceil((run.guestOffset + source.byteLength - begin) / clusterSize);
    const table = await l2Tables.writable(Math.floor(begin / l2Coverage));
    const kept = layout.external || (run.copied && (run.kind === "zero-allocated" || run.kind === "reserved"));
    const host = layout.external ? begin : run.hostOffset - (run.guestOffset - begin);
    const place: Allocation = kept
      ? { first: host / clusterSize, count: wanted, virgin: false }
      : await allocator.allocate(wanted);
    try {
      const end = Math.min(run.guestOffset + source.byteLength, begin + place.count * clusterSize);
      const written: Span = {
        begin: Math.floor(run.guestOffset / subclusterSize) * subclusterSize,
        end: Math.ceil(end / subclusterSize) * subclusterSize,
      };
      const filled = kept ? this.#onDisk(written, end) : await this.#moved(run, table, written);
      const part = source.subarray(0, end - run.guestOffset);
      await this.#fill(part, run, filled, place.first * clusterSize + filled.begin - begin, place.virgin);
      await this.#link(table, begin, written, place, kept);
      return part.byteLength;
    } catch (error) {
      if (!kept) allocator.giveBack(place);
      throw error;
    }
  }

  /** A data file is not to grow behind the end of the disk because of what surrounds the last bytes. */
  #onDisk({ begin, end }: Span, least: number): Span {
    const { layout, header } = this.#its;
    return layout.external ? { begin, end: Math.max(least, Math.min(end, header.current.size)) } : { begin, end };
  }

  /** What must come along into new clusters: with what is written, whatever the old ones store before and behind it. */
  async #moved(run: Run, table: number, { begin, end }: Span): Promise<Span> {
    const { clusterSize, subclusterSize } = this.#its.layout;
    if (run.hostOffset === 0 && run.kind !== "compressed") return { begin, end };
    const first = begin - (begin % clusterSize);
    const last = Math.ceil(end / clusterSize) * clusterSize - clusterSize;
    if (run.kind === "compressed") return { begin: first, end: first + clusterSize };
    const before = begin > first ? lowestBit((await this.#entry(table, first)).stored) : 0;
    const behind = end < last + clusterSize ? Math.clz32((await this.#entry(table, last)).stored) : 0;
    return {
      begin: Math.min(begin, first + before * subclusterSize),
      end: Math.max(end, last + clusterSize - behind * subclusterSize),
    };
  }

  async #entry(table: number, cluster: number): Promise<L2Entry> {
    const { tables, layout, map } = this.#its;
    const at = map.entryAt(table, cluster);
    const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
    try {
      return layout.l2.decode(lease.value.view, tables.l2.position(at));
    } finally {
      lease.release();
    }
  }

  /** Writes the data, and around it in `filled`, which begins at `host`, what the guest saw there before. */
  async #fill(source: Uint8Array, run: Run, filled: Span, host: number, virgin: boolean): Promise<void> {
    const { data, layout, reader } = this.#its;
    const total = filled.end - filled.begin;
    const headLength = run.guestOffset - filled.begin;
    const tailAt = headLength + source.byteLength;
    const tailLength = total - tailAt;
    const zero = Math.max(headLength, tailLength) < layout.subclusterSize && reader.isZero(run, filled.begin);
    if ((zero && virgin && data.blankIsZero) || headLength + tailLength === 0) {
      return data.write(source, host + headLength, run.guestOffset);
    }
    if (total <= Math.max(MERGE, layout.clusterSize)) {
      const spare = total <= layout.clusterSize ? this.#spare.take(layout.clusterSize) : undefined;
      const merged = spare?.subarray(0, total) ?? new Uint8Array(total);
      await this.#merge(merged, source, headLength, filled.begin, zero);
      await data.write(merged, host, filled.begin);
      if (spare) this.#spare.give(spare);
      return;
    }
    const head = new Uint8Array(headLength);
    const tail = new Uint8Array(tailLength);
    await this.#copyOld(head, filled.begin, zero);
    await this.#copyOld(tail, filled.begin + tailAt, zero);
    if (headLength > 0) await data.write(head, host, filled.begin);
    await data.write(source, host + headLength, run.guestOffset);
    if (tailLength > 0) await data.write(tail, host + tailAt, filled.begin + tailAt);
  }

  /** Fills `merged` with what the guest sees from `offset` on, and behind `headLength` bytes of it with `source`. */
  async #merge(
    merged: Uint8Array,
    source: Uint8Array,
    headLength: number,
    offset: number,
    zero: boolean,
  ): Promise<void> {
    const tailAt = headLength + source.byteLength;
    if (headLength > 0 && tailAt < merged.byteLength && source.byteLength <= READ_OVER) {
      await this.#copyOld(merged, offset, zero);
    } else {
      await this.#copyOld(merged.subarray(0, headLength), offset, zero);
      await this.#copyOld(merged.subarray(tailAt), offset + tailAt, zero);
    }
    merged.set(source, headLength);
  }

  /** Fills `target` with what the guest sees there; what lies behind the end of the disk is zero. */
  async #copyOld(target: Uint8Array, offset: number, zero: boolean): Promise<void> {
    const present = zero ? 0 : Math.max(0, Math.min(target.byteLength, this.#its.header.current.size - offset));
    target.fill(0, present);
    if (present > 0) await this.#its.reader.read(target.subarray(0, present), offset);
  }

  /** Makes the L2 entries show what has been written, and lets go of what they showed before. */
  async #link(table: number, begin: number, written: Span, place: Allocation, kept: boolean): Promise<void> {
    const { tables, layout, map, frees } = this.#its;
    const { clusterSize, subclusterSize, l2 } = layout;
    const at = map.entryAt(table, begin);
    await tables.orderL2();
    const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
    const { view } = lease.value;
    const position = tables.l2.position(at);
    const gone: L2Entry[] = [];
    for (let index = 0; index < place.count; index++) {
      const here = position + index * l2.entrySize;
      const cluster = begin + index * clusterSize;
      const old = l2.isEmpty(view, here) ? UNALLOCATED : l2.decode(view, here);
      const first = Math.max(0, written.begin - cluster) / subclusterSize;
      const touched = subclusters(first, Math.min(clusterSize, written.end - cluster) / subclusterSize);
      l2.write(view, here, {
        compressed: false,
        copied: true,
        hostOffset: (place.first + index) * clusterSize,
        compressedLength: 0,
        stored: old.compressed ? l2.all : old.stored | touched,
        zero: old.zero & ~touched,
      });
      if (!kept && old !== UNALLOCATED) gone.push(old);
    }
    lease.markDirty();
    lease.release();
    for (const old of gone) letGo(old, layout, frees);
  }
}
