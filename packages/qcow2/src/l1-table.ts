import { ruleError } from "./errors.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { SliceLease } from "./slice-cache.js";
import { entryText, isCopied, l1EntryProblem, offsetOf, writeOffset } from "./table-entry.js";
import type { Tables } from "./tables.js";

/** What an L1 entry says. */
export interface L1Entry {
  /** Host offset of the L2 table; 0 without one. */
  readonly offset: number;
  /** Whether the L2 table has a refcount of exactly one, so that it may be modified. */
  readonly copied: boolean;
}

/** The L1 table. Specification: "L1 table entry". */
export class L1Table {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #tables: Tables;

  constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#tables = tables;
  }

  /** Number of entries. */
  get length(): number {
    return this.#header.current.l1Size;
  }

  /** The entry, if it is cached. @throws {@link Qcow2Error} `ERR_CORRUPT` */
  tryEntry(index: number): L1Entry | undefined {
    const lease = this.#tables.l1.tryAt(this.#at(index));
    return lease && this.#read(lease, index);
  }

  /** The entry. @throws {@link Qcow2Error} `ERR_CORRUPT` */
  async entry(index: number): Promise<L1Entry> {
    return this.tryEntry(index) ?? this.#read(await this.#tables.l1.at(this.#at(index)), index);
  }

  /** How many entries from `index` on have no L2 table; counts no further than the cached slice of this entry. */
  countEmpty(index: number): number {
    const at = this.#at(index);
    const lease = this.#tables.l1.tryAt(at);
    if (!lease) return 0;
    const { view } = lease.value;
    const position = this.#tables.l1.position(at);
    const end = Math.min(view.byteLength, position + (this.length - index) * 8);
    let next = position;
    while (next < end && view.getUint32(next) === 0 && view.getUint32(next + 4) === 0) next += 8;
    lease.release();
    return (next - position) / 8;
  }

  /** Makes an entry show an L2 table that nobody else refers to, or none (0). Comes after `Tables.orderL1`. */
  async write(index: number, offset: number): Promise<void> {
    const at = this.#at(index);
    const lease = this.#tables.l1.tryAt(at) ?? (await this.#tables.l1.at(at));
    writeOffset(lease.value.view, this.#tables.l1.position(at), offset, offset !== 0);
    lease.markDirty();
    lease.release();
  }

  #at(index: number): number {
    return this.#header.current.l1TableOffset + index * 8;
  }

  #read(lease: SliceLease, index: number): L1Entry {
    const position = this.#tables.l1.position(this.#at(index));
    const high = lease.value.view.getUint32(position);
    const low = lease.value.view.getUint32(position + 4);
    lease.release();
    if (high === 0 && low === 0) return NO_TABLE;
    const rule = l1EntryProblem(high, low, this.#layout.clusterSize, this.#file.size);
    if (rule !== undefined) {
      const field = `L1 entry ${index} (guest offset ${index * this.#layout.l2Coverage})`;
      throw ruleError("ERR_CORRUPT", this.#file.name, field, entryText(high, low), `valid: it must ${rule}`);
    }
    return { offset: offsetOf(high, low), copied: isCopied(high) };
  }
}

const NO_TABLE: L1Entry = { offset: 0, copied: false };
