import { backingFileName } from "./header.js";
import { viewOf } from "./bytes.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import { UNALLOCATED } from "./l2-entry.js";
import type { HeaderChange, LiveHeader } from "./live-header.js";
import type { NextRefcounts } from "./next-refcounts.js";
import { withL1Table } from "./snapshot-entry.js";
import { SnapshotSwitch } from "./snapshot-switch.js";
import { readSnapshotTable } from "./snapshot-table.js";
import { readL1, showTable, storedTables, type StoredTable } from "./table-references.js";

/** What expanding zero clusters needs. */
export interface ZeroExpansionContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
}

/**
 * Builds the state of an image without zero clusters, which version 2 does not know: where there is a backing file they
 * become clusters full of zeroes, else unallocated ones. Snapshots are treated alike.
 */
export class ZeroExpansion {
  readonly #its: ZeroExpansionContext;
  readonly #next: NextRefcounts;
  readonly #switch: SnapshotSwitch;

  constructor(context: ZeroExpansionContext, next: NextRefcounts) {
    this.#its = context;
    this.#next = next;
    this.#switch = new SnapshotSwitch(context, next);
  }

  /** Returns what the header has to say. */
  async build(): Promise<HeaderChange> {
    const { file, header } = this.#its;
    const { l1TableOffset, l1Size } = header.current;
    const active = await this.#expand(l1TableOffset, l1Size, "L1 table");
    const { snapshots } = await readSnapshotTable(file.backend, header.current);
    const moved = new Map<string, number>();
    for (const snapshot of snapshots) {
      const place = await this.#expand(snapshot.l1TableOffset, snapshot.l1Size, `L1 table of snapshot ${snapshot.id}`);
      if (place) moved.set(snapshot.id, place.l1TableOffset);
    }
    if (moved.size === 0) return { ...active };
    const table = await this.#switch.snapshotTable((entries) =>
      entries.map(({ id, bytes, l1TableOffset: offset }) => withL1Table(bytes, moved.get(id) ?? offset)),
    );
    return { ...active, ...table };
  }

  /** Expands what an L1 table shows; the place of another one, if any table had zero clusters. */
  async #expand(
    offset: number,
    entries: number,
    name: string,
  ): Promise<{ readonly l1TableOffset: number; readonly l1Size: number } | undefined> {
    const { file, layout } = this.#its;
    const l1 = await readL1(file, layout, offset, entries, name);
    const fresh = l1.slice();
    let changed = false;
    for await (const table of storedTables(file, layout, l1)) {
      if (!(await this.#expandTable(table))) continue;
      changed = true;
      await this.#next.addRow(table.offset / layout.clusterSize, 1, -1);
      showTable(fresh, table.index, await this.#switch.placeTable(table.bytes), true);
    }
    if (!changed) return undefined;
    await this.#next.addRow(offset / layout.clusterSize, Math.ceil((entries * 8) / layout.clusterSize), -1);
    return this.#switch.placeL1(fresh);
  }

  /** Expands a table in memory. Returns whether it had any zero cluster. */
  async #expandTable({ bytes }: StoredTable): Promise<boolean> {
    const { file, header, layout } = this.#its;
    const { l2, clusterSize } = layout;
    const isBacked = backingFileName(header.current) !== undefined;
    const view = viewOf(bytes);
    let changed = false;
    for (let at = 0; at < bytes.byteLength; at += l2.entrySize) {
      if (l2.isEmpty(view, at)) continue;
      const entry = l2.decode(view, at);
      if (entry.compressed || entry.zero === 0) continue;
      changed = true;
      if (entry.hostOffset !== 0) await this.#next.addRow(entry.hostOffset / clusterSize, 1, -1);
      if (!isBacked) {
        l2.write(view, at, UNALLOCATED);
        continue;
      }
      const hostOffset = (await this.#next.allocate(1)) * clusterSize;
      await file.zero(hostOffset, clusterSize);
      l2.write(view, at, { ...UNALLOCATED, copied: true, hostOffset, stored: l2.all });
    }
    return changed;
  }
}
