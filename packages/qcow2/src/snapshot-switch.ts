import { hasDataFile } from "./features.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { HeaderChange, LiveHeader } from "./live-header.js";
import type { NextRefcounts } from "./next-refcounts.js";
import type { Snapshot } from "./snapshot-entry.js";
import { encodeSnapshotTable, readSnapshotTable } from "./snapshot-table.js";
import { CopiedFlags, readL1, referencesOf, showTable, storedTables, type StoredTable } from "./table-references.js";

/** What builds states with other snapshots. */
export interface SnapshotSwitchContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
}

/**
 * Builds the state of an image in which a snapshot has been made, applied or removed, beside its present state. It
 * never changes a table: one whose flags must be others is copied, so that whoever reads a snapshot is not disturbed.
 */
export class SnapshotSwitch {
  readonly #its: SnapshotSwitchContext;
  readonly #next: NextRefcounts;

  constructor(context: SnapshotSwitchContext, next: NextRefcounts) {
    this.#its = context;
    this.#next = next;
  }

  /**
   * The snapshot takes the active L1 table over as it is, and the disk gets another one.
   *
   * @param encode makes the entry of the snapshot, given where its L1 table is
   */
  async create(encode: (l1: { l1TableOffset: number; l1Size: number }) => Uint8Array): Promise<HeaderChange> {
    const { l1TableOffset, l1Size } = this.#its.header.current;
    const l1 = await this.#activeL1();
    const fresh = new Uint8Array(l1.byteLength);
    for await (const table of this.#tables(l1)) await this.#share(table, fresh);
    const table = await this.snapshotTable((entries) => [
      ...entries.map(({ bytes }) => bytes),
      encode({ l1TableOffset, l1Size }),
    ]);
    return { ...(await this.placeL1(fresh)), ...table };
  }

  /**
   * The disk becomes what it was.
   *
   * @param size its size, in bytes
   */
  async apply(snapshot: Snapshot, size: number): Promise<HeaderChange> {
    const { layout, file } = this.#its;
    const theirs = await readL1(file, layout, snapshot.l1TableOffset, snapshot.l1Size, nameOf(snapshot));
    await this.#drop(await this.#activeL1());
    await this.#dropActiveL1();
    const fresh = new Uint8Array(Math.max(snapshot.l1Size, Math.ceil(size / layout.l2Coverage)) * 8);
    for await (const table of this.#tables(theirs)) await this.#share(table, fresh);
    return { ...(await this.placeL1(fresh)), size };
  }

  /** The snapshot goes, and what only it has. What the disk has alone from then on gets its COPIED flags. */
  async remove(snapshot: Snapshot): Promise<HeaderChange> {
    const { layout, file } = this.#its;
    const { l1TableOffset, l1Size } = snapshot;
    await this.#drop(await readL1(file, layout, l1TableOffset, l1Size, nameOf(snapshot)));
    await this.#next.addRow(l1TableOffset / layout.clusterSize, this.#l1Clusters(l1Size), -1);
    const table = await this.snapshotTable((entries) =>
      entries.filter(({ id }) => id !== snapshot.id).map(({ bytes }) => bytes),
    );
    return { ...(await this.#renewFlags()), ...table };
  }

  /** The disk has nothing of its own any more. */
  async empty(): Promise<HeaderChange> {
    const l1 = await this.#activeL1();
    await this.#drop(l1);
    await this.#dropActiveL1();
    return this.placeL1(new Uint8Array(l1.byteLength));
  }

  /** Refers once more to all that a table shows, and to the table itself, or to a copy of it without COPIED flags. */
  async #share(table: StoredTable, l1: Uint8Array): Promise<void> {
    const { layout } = this.#its;
    for (const cluster of this.#references(table)) {
      const waited = this.#next.add(cluster, 1);
      if (waited) await waited;
    }
    const flags = new CopiedFlags(table.bytes, layout);
    flags.clear();
    if (flags.changed) return showTable(l1, table.index, await this.placeTable(table.bytes), true);
    await this.#next.addRow(table.offset / layout.clusterSize, 1, 1);
    showTable(l1, table.index, table.offset, false);
  }

  /** Refers no more to all that an L1 table shows. */
  async #drop(l1: Uint8Array): Promise<void> {
    const { layout } = this.#its;
    for await (const table of this.#tables(l1)) {
      for (const cluster of this.#references(table)) {
        const waited = this.#next.add(cluster, -1);
        if (waited) await waited;
      }
      await this.#next.addRow(table.offset / layout.clusterSize, 1, -1);
    }
  }

  /** Makes all COPIED flags of the disk tell what the next refcounts are. */
  async #renewFlags(): Promise<HeaderChange> {
    const { layout } = this.#its;
    const l1 = await this.#activeL1();
    const fresh = l1.slice();
    let changed = false;
    for await (const table of this.#tables(l1)) {
      const flags = new CopiedFlags(table.bytes, layout);
      for (const { at, cluster } of flags.entries()) {
        const refcount = this.#next.get(cluster);
        flags.set(at, (typeof refcount === "number" ? refcount : await refcount) === 1);
      }
      const cluster = table.offset / layout.clusterSize;
      if (flags.changed) {
        await this.#next.addRow(cluster, 1, -1);
        showTable(fresh, table.index, await this.placeTable(table.bytes), true);
      } else {
        showTable(fresh, table.index, table.offset, (await this.#next.get(cluster)) === 1);
      }
      changed ||= flags.changed || ((await this.#next.get(cluster)) === 1) !== table.copied;
    }
    if (!changed) return {};
    await this.#dropActiveL1();
    return this.placeL1(fresh);
  }

  /** What a table refers to in this file: nothing where the data is in another one. */
  #references(table: StoredTable): number[] {
    const { file, layout, header } = this.#its;
    return hasDataFile(header.current) ? [] : referencesOf(file, layout, table);
  }

  /** Writes an L2 table of the next state. Returns its offset. */
  async placeTable(bytes: Uint8Array): Promise<number> {
    const { file, layout } = this.#its;
    const offset = (await this.#next.allocate(1)) * layout.clusterSize;
    await file.writeData(bytes, offset);
    return offset;
  }

  /** Writes an L1 table of the next state. */
  async placeL1(bytes: Uint8Array): Promise<{ readonly l1TableOffset: number; readonly l1Size: number }> {
    const { file, layout } = this.#its;
    const l1Size = bytes.byteLength / 8;
    if (l1Size === 0) return { l1TableOffset: 0, l1Size };
    const clusters = this.#l1Clusters(l1Size);
    const l1TableOffset = (await this.#next.allocate(clusters)) * layout.clusterSize;
    const whole = new Uint8Array(clusters * layout.clusterSize);
    whole.set(bytes);
    await file.writeData(whole, l1TableOffset);
    return { l1TableOffset, l1Size };
  }

  /** Replaces the snapshot table by one with other entries. */
  async snapshotTable(change: (snapshots: readonly Snapshot[]) => Uint8Array[]): Promise<HeaderChange> {
    const { file, header, layout } = this.#its;
    const { clusterSize } = layout;
    const { snapshots, length } = await readSnapshotTable(file.backend, header.current);
    const present = Math.ceil(length / clusterSize);
    if (present > 0) await this.#next.addRow(header.current.snapshotsOffset / clusterSize, present, -1);
    const entries = change(snapshots);
    if (entries.length === 0) return { snapshotCount: 0, snapshotsOffset: 0 };
    const table = encodeSnapshotTable(file.name, entries);
    const snapshotsOffset = (await this.#next.allocate(Math.ceil(table.byteLength / clusterSize))) * clusterSize;
    await file.writeData(table, snapshotsOffset);
    return { snapshotCount: entries.length, snapshotsOffset };
  }

  async #dropActiveL1(): Promise<void> {
    const { l1TableOffset, l1Size } = this.#its.header.current;
    await this.#next.addRow(l1TableOffset / this.#its.layout.clusterSize, this.#l1Clusters(l1Size), -1);
  }

  #activeL1(): Promise<Uint8Array> {
    const { l1TableOffset, l1Size } = this.#its.header.current;
    return readL1(this.#its.file, this.#its.layout, l1TableOffset, l1Size, "L1 table");
  }

  #tables(l1: Uint8Array): AsyncGenerator<StoredTable> {
    return storedTables(this.#its.file, this.#its.layout, l1);
  }

  #l1Clusters(entries: number): number {
    return Math.ceil((entries * 8) / this.#its.layout.clusterSize);
  }
}

function nameOf({ id }: Snapshot): string {
  return `L1 table of snapshot ${JSON.stringify(id)}`;
}
