import { erased, type EraseMode } from "./erase.js";
import type { HostFile } from "./host-file.js";
import type { L1Table } from "./l1-table.js";
import type { L2Tables } from "./l2-tables.js";
import { decodeL2Entry, type L2Entry, l2EntryProblem, writeL2Entry } from "./l2-entry.js";
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
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l1: L1Table;
  readonly l2Tables: L2Tables;
  readonly frees: PendingFrees;
  readonly map: GuestMap;
  readonly reader: Reader;
  readonly locks: RangeLocks;
}

/** Takes the content of whole guest clusters away by changing their L2 entries. */
export class Eraser {
  readonly #its: EraserContext;

  constructor(context: EraserContext) {
    this.#its = context;
  }

  /**
   * Erases the clusters between two guest offsets, both at cluster boundaries. Stops early where so many host clusters
   * have been let go that they should be released first.
   *
   * @returns the offset up to which it has come
   */
  async erase(begin: number, end: number, mode: EraseMode, signal?: AbortSignal): Promise<number> {
    const { layout, tables, l1, frees, reader } = this.#its;
    const sliceCoverage = (tables.l2.sliceSize / 8) * layout.clusterSize;
    for (let at = begin; at < end;) {
      signal?.throwIfAborted();
      const index = Math.floor(at / layout.l2Coverage);
      const entry = l1.tryEntry(index) ?? (await l1.entry(index));
      let stop = Math.min(end, (Math.floor(at / sliceCoverage) + 1) * sliceCoverage);
      if (entry.offset === 0 && (mode !== "zero" || reader.isBehindBacking(at))) {
        stop = Math.min(end, (index + Math.max(1, l1.countEmpty(index))) * layout.l2Coverage);
      } else {
        await this.#eraseInSlice(at, stop, mode);
      }
      at = stop;
      if (frees.crowded) return at;
    }
    return end;
  }

  async #eraseInSlice(begin: number, end: number, mode: EraseMode): Promise<void> {
    const { layout, locks, l2Tables } = this.#its;
    const lock = await locks.acquire(begin / layout.clusterSize, end / layout.clusterSize - 1);
    try {
      if (!(await this.#isNeeded(begin, end, mode))) return;
      const table = await l2Tables.writable(Math.floor(begin / layout.l2Coverage));
      await this.#change(table, begin, end, mode);
    } finally {
      lock.release();
    }
  }

  /** Whether any entry would change: where none does, no table is made or copied. */
  async #isNeeded(begin: number, end: number, mode: EraseMode): Promise<boolean> {
    const { map } = this.#its;
    for (let at = begin; at < end;) {
      const run = map.tryRun(at, end) ?? (await map.run(at, end));
      // A run that begins over the backing image may end behind it.
      if (this.#erased(run, at, mode) ?? this.#erased(run, at + run.length - 1, mode)) return true;
      at += run.length;
    }
    return false;
  }

  #erased(entry: L2Entry, at: number, mode: EraseMode): ReturnType<typeof erased> {
    const { layout, reader } = this.#its;
    return erased(entry, mode, layout.version, !reader.isBehindBacking(at));
  }

  async #change(table: number, begin: number, end: number, mode: EraseMode): Promise<void> {
    const { tables, layout, map, frees, file } = this.#its;
    const { clusterSize, clusterBits } = layout;
    const first = map.entryAt(table, begin);
    const lease = tables.l2.tryAt(first) ?? (await tables.l2.at(first));
    const { view } = lease.value;
    const position = tables.l2.position(first);
    const gone: L2Entry[] = [];
    for (let at = begin; at < end; at += clusterSize) {
      const here = position + ((at - begin) / clusterSize) * 8;
      const [high, low] = [view.getUint32(here), view.getUint32(here + 4)];
      const old = decodeL2Entry(high, low, clusterBits);
      // An entry that is broken is left for the check to tell of: what it seems to show may be somebody else's.
      if (l2EntryProblem(high, low, layout, file.size) !== undefined) continue;
      const change = this.#erased(old, at, mode);
      if (!change) continue;
      writeL2Entry(view, here, change.entry, clusterBits);
      if (change.letsGo) gone.push(old);
    }
    lease.markDirty();
    lease.release();
    for (const old of gone) letGo(old, layout, frees);
  }
}
