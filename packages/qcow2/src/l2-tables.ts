import type { Allocator } from "./allocator.js";
import type { HostFile } from "./host-file.js";
import type { L1Table } from "./l1-table.js";
import type { Layout } from "./layout.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Tables } from "./tables.js";

/** Provides L2 tables that may be modified: makes those that are missing, and copies those that snapshots share. */
export class L2Tables {
  readonly #file: HostFile;
  readonly #layout: Layout;
  readonly #tables: Tables;
  readonly #l1: L1Table;
  readonly #allocator: Allocator;
  readonly #frees: PendingFrees;
  /** By L1 index, the tables that are being made: all who need one share it. */
  readonly #making = new Map<number, Promise<number>>();

  constructor(file: HostFile, layout: Layout, tables: Tables, l1: L1Table, allocator: Allocator, frees: PendingFrees) {
    this.#file = file;
    this.#layout = layout;
    this.#tables = tables;
    this.#l1 = l1;
    this.#allocator = allocator;
    this.#frees = frees;
  }

  /** The host offset of the L2 table of an L1 entry, which may be modified and stays where it is. */
  async writable(index: number): Promise<number> {
    const { offset, copied } = this.#l1.tryEntry(index) ?? (await this.#l1.entry(index));
    if (copied && offset !== 0) return offset;
    let making = this.#making.get(index);
    if (!making) {
      making = this.#make(index).finally(() => this.#making.delete(index));
      this.#making.set(index, making);
    }
    return making;
  }

  async #make(index: number): Promise<number> {
    // Who made this very table may have ended between our look and now.
    const { offset: old, copied } = await this.#l1.entry(index);
    if (copied && old !== 0) return old;
    const { clusterSize } = this.#layout;
    const place = await this.#allocator.allocate(1);
    const offset = place.first * clusterSize;
    try {
      if (old === 0) await this.#file.zero(offset, clusterSize);
      else await this.#copy(old, offset);
      await this.#tables.l2.forget(offset, clusterSize);
      await this.#tables.orderL1();
      await this.#l1.write(index, offset);
    } catch (error) {
      this.#allocator.giveBack(place);
      throw error;
    }
    if (old !== 0) this.#frees.add(old / clusterSize, 1);
    return offset;
  }

  /** A shared table is never modified, so what is in the file is what it says. */
  async #copy(from: number, to: number): Promise<void> {
    const table = new Uint8Array(this.#layout.clusterSize);
    await this.#file.read(table, from);
    await this.#file.writeData(table, to);
  }
}
