import type { Allocation, Allocator } from "./allocator.js";
import type { GuestData } from "./guest-data.js";
import type { L2Tables } from "./l2-tables.js";
import { decodeL2Entry, type L2Entry, writeL2Entry } from "./l2-entry.js";
import { letGo } from "./let-go.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { GuestMap, Run } from "./mapping.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Reader } from "./reader.js";
import type { Tables } from "./tables.js";

/** Up to this many bytes, what is copied and what is written go out as one request. */
const MERGE = 1024 * 1024;

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
  readonly metadata: MetadataRanges;
  readonly reader: Reader;
}

/**
 * Writes to guest clusters that cannot be written in place: allocate, write the data with what surrounds it in its
 * clusters, then link. The caller has locked the clusters.
 */
export class FreshClusters {
  readonly #its: FreshClustersContext;

  constructor(context: FreshClustersContext) {
    this.#its = context;
  }

  /**
   * Writes `source` at `run.guestOffset`, or the beginning of it. The clusters have one L2 slice.
   *
   * @returns how many bytes have been written
   */
  async write(source: Uint8Array, run: Run): Promise<number> {
    const { clusterSize, l2Coverage } = this.#its.layout;
    const begin = run.guestOffset - (run.guestOffset % clusterSize);
    const wanted = Math.ceil((run.guestOffset + source.byteLength - begin) / clusterSize);
    const table = await this.#its.l2Tables.writable(Math.floor(begin / l2Coverage));
    const kept = run.kind === "zero-allocated" && run.copied;
    const place: Allocation = kept
      ? { first: (run.hostOffset - (run.guestOffset - begin)) / clusterSize, count: wanted, virgin: false }
      : await this.#its.allocator.allocate(wanted);
    try {
      if (kept) this.#its.metadata.refuse(place.first * clusterSize, clusterSize * wanted, "the L2 table shows them");
      const length = Math.min(source.byteLength, begin + place.count * clusterSize - run.guestOffset);
      await this.#fill(source.subarray(0, length), run, begin, place);
      await this.#link(table, begin, place, kept);
      return length;
    } catch (error) {
      if (!kept) this.#its.allocator.giveBack(place);
      throw error;
    }
  }

  /** Writes the data into its clusters, and around it what the guest saw there before. */
  async #fill(source: Uint8Array, run: Run, begin: number, place: Allocation): Promise<void> {
    const { data, layout, reader } = this.#its;
    const host = place.first * layout.clusterSize;
    const headLength = run.guestOffset - begin;
    const tailLength = place.count * layout.clusterSize - headLength - source.byteLength;
    const zero = reader.isZero(run, begin);
    if ((zero && place.virgin) || headLength + tailLength === 0) {
      return data.write(source, host + headLength, run.guestOffset);
    }
    const total = place.count * layout.clusterSize;
    const tailAt = headLength + source.byteLength;
    if (total <= Math.max(MERGE, layout.clusterSize)) {
      const merged = new Uint8Array(total);
      merged.set(source, headLength);
      await this.#copyOld(merged.subarray(0, headLength), begin, zero);
      await this.#copyOld(merged.subarray(tailAt), begin + tailAt, zero);
      return data.write(merged, host, begin);
    }
    const head = new Uint8Array(headLength);
    const tail = new Uint8Array(tailLength);
    await this.#copyOld(head, begin, zero);
    await this.#copyOld(tail, begin + tailAt, zero);
    if (headLength > 0) await data.write(head, host, begin);
    await data.write(source, host + headLength, run.guestOffset);
    if (tailLength > 0) await data.write(tail, host + tailAt, begin + tailAt);
  }

  /** Fills `target`, which is zero, with what the guest sees there; what lies behind the end of the disk is zero. */
  async #copyOld(target: Uint8Array, offset: number, zero: boolean): Promise<void> {
    const length = Math.max(0, Math.min(target.byteLength, this.#its.header.current.size - offset));
    if (length > 0 && !zero) await this.#its.reader.read(target.subarray(0, length), offset);
  }

  /** Makes the L2 entries show the clusters, and lets go of what they showed before. */
  async #link(table: number, begin: number, place: Allocation, kept: boolean): Promise<void> {
    const { tables, layout, map, frees } = this.#its;
    const at = map.entryAt(table, begin);
    await tables.orderL2();
    const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
    const { view } = lease.value;
    const position = tables.l2.position(at);
    const old: L2Entry[] = [];
    for (let index = 0; index < place.count; index++) {
      const here = position + index * 8;
      old.push(decodeL2Entry(view.getUint32(here), view.getUint32(here + 4), layout.clusterBits));
      const hostOffset = (place.first + index) * layout.clusterSize;
      writeL2Entry(view, here, { kind: "normal", copied: true, hostOffset, compressedLength: 0 }, layout.clusterBits);
    }
    lease.markDirty();
    lease.release();
    if (!kept) for (const entry of old) letGo(entry, layout, frees);
  }
}
