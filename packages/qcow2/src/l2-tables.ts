import type { Allocator } from "./allocator.js";
import type { HostFile } from "./host-file.js";
import type { L1Table } from "./l1-table.js";
import type { Layout } from "./layout.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Tables } from "./tables.js";

/** What providing L2 tables needs. */
export interface L2TablesContext {
  readonly file: HostFile;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l1: L1Table;
  readonly allocator: Allocator;
  readonly frees: PendingFrees;
  readonly metadata: MetadataRanges;
}

/** Provides L2 tables that may be modified: makes those that are missing, and copies those that snapshots share. */
export class L2Tables {
  readonly #its: L2TablesContext;
  /** By L1 index, the tables that are being made: all who need one share it. */
  readonly #making = new Map<number, Promise<number>>();

  constructor(context: L2TablesContext) {
    this.#its = context;
  }

  /**
   * The host offset of the L2 table of an L1 entry, which may be modified and stays where it is.
   *
   * @throws {@link Qcow2Error} `ERR_CORRUPT` where other metadata lies there
   */
  async writable(index: number): Promise<number> {
    const { l1, metadata } = this.#its;
    const { offset, copied } = l1.tryEntry(index) ?? (await l1.entry(index));
    if (copied && offset !== 0) {
      metadata.require(offset, "L2 table");
      return offset;
    }
    let making = this.#making.get(index);
    if (!making) {
      making = this.#make(index).finally(() => this.#making.delete(index));
      this.#making.set(index, making);
    }
    return making;
  }

  async #make(index: number): Promise<number> {
    // Who made this very table may have ended between our look and now.
    const { file, layout, tables, l1, allocator, frees, metadata } = this.#its;
    const { offset: old, copied } = await l1.entry(index);
    if (copied && old !== 0) return old;
    const { clusterSize } = layout;
    const place = await allocator.allocate(1);
    const offset = place.first * clusterSize;
    try {
      if (old === 0) await file.zero(offset, clusterSize);
      else await this.#copy(old, offset);
      await tables.l2.forget(offset, clusterSize);
      await tables.orderL1();
      await l1.write(index, offset);
    } catch (error) {
      allocator.giveBack(place);
      throw error;
    }
    metadata.add(offset, "L2 table");
    if (old !== 0) {
      metadata.remove(old);
      frees.add(old / clusterSize, 1);
    }
    return offset;
  }

  /** A shared table is never modified, so what is in the file is what it says. */
  async #copy(from: number, to: number): Promise<void> {
    const { file, layout } = this.#its;
    const table = new Uint8Array(layout.clusterSize);
    await file.read(table, from);
    await file.writeData(table, to);
  }
}
