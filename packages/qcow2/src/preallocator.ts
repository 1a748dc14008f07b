import { allocateZeroes } from "@instar/backend";

import type { Allocation, Allocator } from "./allocator.js";
import { extendFile } from "./extend-file.js";
import type { ExternalData } from "./external-data.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import type { L2Tables } from "./l2-tables.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { GuestMap, Run } from "./mapping.js";
import type { Preallocation } from "./preallocate.js";
import type { Reader } from "./reader.js";
import type { Tables } from "./tables.js";

/** Zeroes that are written at once. */
const CHUNK = 1024 * 1024;

/** What preallocation needs. */
export interface PreallocatorContext {
  readonly file: HostFile;
  readonly data: GuestData;
  /** Where the guest data is, if it is in a file of its own. */
  readonly external: ExternalData | undefined;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l2Tables: L2Tables;
  readonly allocator: Allocator;
  readonly map: GuestMap;
  readonly reader: Reader;
}

/**
 * Gives guest clusters host clusters before anything is written to them. What the guest reads stays. The caller has made
 * sure that no other request is under way.
 */
export class Preallocator {
  readonly #its: PreallocatorContext;
  readonly #mode: Preallocation;
  /** Whether to write zeroes to the clusters. */
  readonly #fill: boolean;
  /** Whether L2 entries say of clusters that they are zero, because what was never written does not read so. */
  readonly #says: boolean;

  /** @param mode any but `off` */
  constructor(context: PreallocatorContext, mode: Preallocation) {
    this.#its = context;
    const { data, layout } = context;
    this.#mode = mode;
    this.#fill = mode === "full" || (!data.blankIsZero && layout.version === 2);
    this.#says = !data.blankIsZero && !this.#fill && !layout.extendedL2;
  }

  /**
   * Sees to the clusters of a range that have no host cluster, as far as one allocation goes.
   *
   * @returns the offset up to which it has come
   */
  async preallocate(begin: number, end: number): Promise<number> {
    const { layout, map, allocator, l2Tables, external } = this.#its;
    const { clusterSize, l2Coverage } = layout;
    const first = begin - (begin % clusterSize);
    const slice = (Math.floor(first / map.sliceCoverage) + 1) * map.sliceCoverage;
    const run = await map.run(first, Math.min(slice, Math.ceil(end / clusterSize) * clusterSize));
    const clusters = Math.ceil(run.length / clusterSize);
    if (this.#isLeft(run)) {
      const stop = first + clusterSize * (run.kind === "unallocated" ? 1 : clusters);
      // What is mapped in a file of its own need not be stored there yet.
      if (run.kind === "normal" && this.#mode !== "metadata") await external?.setAside(first, stop, this.#fill);
      return stop;
    }
    const table = await l2Tables.writable(Math.floor(first / l2Coverage));
    const place: Allocation = external
      ? { first: first / clusterSize, count: clusters, virgin: false }
      : await allocator.allocate(clusters);
    try {
      await this.#clear(place, first);
      await this.#link(table, first, place);
    } catch (error) {
      if (!external) allocator.giveBack(place);
      throw error;
    }
    return first + place.count * clusterSize;
  }

  /** Whether a cluster has its place, or shows the backing image, which only subclusters can do beside a host cluster. */
  #isLeft({ kind, guestOffset }: Run): boolean {
    if (kind === "zero") return false;
    return kind !== "unallocated" || (!this.#its.layout.extendedL2 && guestOffset < this.#its.reader.backingEnd);
  }

  /** Makes host clusters read as zeroes, unless their entries will not show what they hold, and sets them aside. */
  async #clear({ first, count, virgin }: Allocation, guestOffset: number): Promise<void> {
    const { file, layout, external } = this.#its;
    const host = first * layout.clusterSize;
    const length = count * layout.clusterSize;
    if (this.#fill) return this.#writeZeroes(host, length, guestOffset);
    if (external) {
      await external.clear(host, host + length);
      if (this.#mode === "falloc") await external.setAside(host, host + length, false);
      return;
    }
    if (virgin || this.#says || layout.extendedL2) await extendFile(file.backend, host + length);
    else await file.zero(host, length);
    if (this.#mode === "falloc") await allocateZeroes(file.backend, host, length);
    file.wroteData();
  }

  async #writeZeroes(host: number, length: number, guestOffset: number): Promise<void> {
    const { data, external, header } = this.#its;
    // A data file is not to grow behind the end of the disk.
    const end = external ? Math.min(length, header.current.size - guestOffset) : length;
    for (let at = 0; at < end; at += CHUNK) {
      await data.write(new Uint8Array(Math.min(CHUNK, end - at)), host + at, guestOffset + at);
    }
  }

  async #link(table: number, guestOffset: number, { first, count }: Allocation): Promise<void> {
    const { tables, layout, map, external } = this.#its;
    const { clusterSize, l2, extendedL2 } = layout;
    // A raw data file is the disk, whatever is written to it by whom.
    const hides = extendedL2 && external?.raw !== true;
    const at = map.entryAt(table, guestOffset);
    await tables.orderL2();
    const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
    const { view } = lease.value;
    const position = tables.l2.position(at);
    for (let index = 0; index < count; index++) {
      const here = position + index * l2.entrySize;
      const old = l2.decode(view, here);
      const zero = this.#says ? l2.all : old.zero;
      const stored = hides || zero !== 0 ? 0 : l2.all;
      l2.write(view, here, { ...old, copied: true, hostOffset: (first + index) * clusterSize, stored, zero });
    }
    lease.markDirty();
    lease.release();
  }
}
