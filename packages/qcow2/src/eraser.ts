import { ruleError } from "./errors.js";
import { type Erased, erased, type EraseMode, isPartOfCompressed } from "./erase.js";
import type { ExternalData } from "./external-data.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import type { L1Table } from "./l1-table.js";
import type { L2Tables } from "./l2-tables.js";
import { type L2Entry, subclusters, UNALLOCATED } from "./l2-entry.js";
import { letGo } from "./let-go.js";
import type { Layout } from "./layout.js";
import type { GuestMap } from "./mapping.js";
import type { PendingFrees } from "./pending-frees.js";
import type { RangeLocks } from "./range-locks.js";
import type { Reader } from "./reader.js";
import type { Tables } from "./tables.js";

/** What erasing clusters needs. */
export interface EraserContext {
  readonly file: HostFile;
  readonly data: GuestData;
  /** Where the guest data is, if it is in a file of its own. */
  readonly external: ExternalData | undefined;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l1: L1Table;
  readonly l2Tables: L2Tables;
  readonly frees: PendingFrees;
  readonly map: GuestMap;
  readonly reader: Reader;
  readonly locks: RangeLocks;
}

/** How the L2 entries of a range change. */
interface Plan {
  readonly changes: readonly { readonly index: number; readonly old: L2Entry; readonly change: Erased }[];
  /** The guest offset up to which it goes. */
  readonly end: number;
}

/** Takes the content of whole guest clusters or subclusters away by changing their L2 entries. */
export class Eraser {
  readonly #its: EraserContext;

  constructor(context: EraserContext) {
    this.#its = context;
  }

  /**
   * Erases what lies between two guest offsets, both at boundaries of subclusters, with `drop` of clusters. Stops early
   * where so many host clusters have been let go that they should be released first, and with `zero` before a compressed
   * cluster of which a part is to stay.
   *
   * @returns the offset up to which it has come
   */
  async erase(begin: number, end: number, mode: EraseMode, signal?: AbortSignal): Promise<number> {
    const { layout, l1, frees, map, reader, external, tables } = this.#its;
    const { sliceCoverage } = map;
    if (external) {
      await external.erase(begin, end, mode);
      await tables.orderL2();
    }
    for (let at = begin; at < end;) {
      signal?.throwIfAborted();
      const index = Math.floor(at / layout.l2Coverage);
      const entry = l1.tryEntry(index) ?? (await l1.entry(index));
      const stop = Math.min(end, (Math.floor(at / sliceCoverage) + 1) * sliceCoverage);
      if (entry.offset === 0 && (mode !== "zero" || at >= reader.backingEnd)) {
        at = Math.min(end, (index + Math.max(1, l1.countEmpty(index))) * layout.l2Coverage);
      } else {
        at = await this.#eraseInSlice(at, stop, mode);
        if (at < stop) return at;
      }
      if (frees.crowded) return at;
    }
    return end;
  }

  async #eraseInSlice(begin: number, end: number, mode: EraseMode): Promise<number> {
    const { layout, locks } = this.#its;
    const lock = await locks.acquire(Math.floor(begin / layout.clusterSize), Math.ceil(end / layout.clusterSize) - 1);
    try {
      return await this.#eraseHeld(begin, end, mode);
    } finally {
      lock.release();
    }
  }

  /** Makes what lies between two subcluster boundaries in one L2 slice read as zeroes; the caller has locked it. */
  async zeroHeld(begin: number, end: number): Promise<void> {
    await this.#eraseHeld(begin, end, "zero");
  }

  async #eraseHeld(begin: number, end: number, mode: EraseMode): Promise<number> {
    const { layout, l1, l2Tables } = this.#its;
    const index = Math.floor(begin / layout.l2Coverage);
    const { offset } = l1.tryEntry(index) ?? (await l1.entry(index));
    const plan = await this.#plan(offset, begin, end, mode);
    // Where nothing changes, no table is made or copied.
    if (plan.changes.length > 0) await this.#change(await l2Tables.writable(index), begin, plan);
    return plan.end;
  }

  /** @param table where the L2 table is; 0 without one */
  async #plan(table: number, begin: number, end: number, mode: EraseMode): Promise<Plan> {
    if (table === 0) return this.#planEntries(undefined, 0, begin, end, mode);
    const { tables, map } = this.#its;
    const at = map.entryAt(table, begin);
    const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
    try {
      return this.#planEntries(lease.value.view, tables.l2.position(at), begin, end, mode);
    } finally {
      lease.release();
    }
  }

  #planEntries(view: DataView | undefined, position: number, begin: number, end: number, mode: EraseMode): Plan {
    const { layout } = this.#its;
    const { clusterSize, l2 } = layout;
    const first = begin - (begin % clusterSize);
    const changes = [];
    for (let cluster = first, index = 0; cluster < end; cluster += clusterSize, index++) {
      const here = position + index * l2.entrySize;
      if (view && this.#isBroken(view, here, cluster, mode)) continue;
      const old = view ? l2.decode(view, here) : UNALLOCATED;
      const touched = this.#subclusters(cluster, begin, end);
      const erasure = {
        mode,
        touched,
        hidden: this.#subclusters(cluster, 0, this.#its.reader.backingEnd),
        all: l2.all,
      };
      if (mode === "zero" && isPartOfCompressed(old, erasure)) return { changes, end: Math.max(begin, cluster) };
      const change = erased(old, erasure, layout.version);
      if (change) changes.push({ index, old, change });
    }
    return { changes, end };
  }

  /** The subclusters of a cluster that a range of guest bytes touches. */
  #subclusters(cluster: number, begin: number, end: number): number {
    const { clusterSize, subclusterSize } = this.#its.layout;
    const first = Math.max(0, begin - cluster) / subclusterSize;
    return subclusters(Math.floor(first), Math.ceil(Math.min(clusterSize, end - cluster) / subclusterSize));
  }

  /** What leaves the disk may be broken: the check tells of it. What it seems to show may be somebody else's. */
  #isBroken(view: DataView, position: number, cluster: number, mode: EraseMode): boolean {
    const { layout, file, data } = this.#its;
    const problem = layout.l2.problem(view, position, data.end);
    if (!problem || mode === "drop") return problem !== undefined;
    const field = `${problem.part} of guest offset ${cluster}`;
    throw ruleError("ERR_CORRUPT", file.name, field, problem.value, `valid: it must ${problem.rule}`);
  }

  async #change(table: number, begin: number, { changes }: Plan): Promise<void> {
    const { tables, layout, map, frees } = this.#its;
    const first = map.entryAt(table, begin);
    const lease = tables.l2.tryAt(first) ?? (await tables.l2.at(first));
    const position = tables.l2.position(first);
    for (const { index, change } of changes) {
      layout.l2.write(lease.value.view, position + index * layout.l2.entrySize, change.entry);
    }
    lease.markDirty();
    lease.release();
    for (const { old, change } of changes) if (change.letsGo) letGo(old, layout, frees);
  }
}
