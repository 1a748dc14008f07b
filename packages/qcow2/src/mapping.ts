import { ruleError } from "./errors.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import type { L1Table } from "./l1-table.js";
import { type ClusterKind, hasHostCluster, kindOf } from "./l2-entry.js";
import type { Layout } from "./layout.js";
import type { SliceLease } from "./slice-cache.js";
import type { Tables } from "./tables.js";

/** Guest bytes in a row that are mapped in one way; where they are stored, to host bytes in a row. */
export interface Run {
  readonly kind: ClusterKind;
  /** Whether the clusters may be written in place. */
  readonly copied: boolean;
  /** First guest byte. */
  readonly guestOffset: number;
  /** Bytes, greater than 0. A run of compressed data lies in one cluster. */
  length: number;
  /** Where in the file the first guest byte is or would be stored; of compressed data, where that begins; else 0. */
  readonly hostOffset: number;
  /** Bytes that the compressed data may take; else 0. */
  readonly compressedLength: number;
}

/** Where guest bytes are: the way from L1 to L2 to the host cluster. Specification: "Cluster mapping". */
export class GuestMap {
  readonly #file: HostFile;
  readonly #data: GuestData;
  readonly #layout: Layout;
  readonly #tables: Tables;
  readonly #l1: L1Table;

  constructor(file: HostFile, data: GuestData, layout: Layout, tables: Tables, l1: L1Table) {
    this.#file = file;
    this.#data = data;
    this.#layout = layout;
    this.#tables = tables;
    this.#l1 = l1;
  }

  /**
   * The run that begins at `offset`, at most up to `end`, if the tables that tell its kind are cached.
   *
   * @throws {@link Qcow2Error} `ERR_CORRUPT`
   */
  tryRun(offset: number, end: number): Run | undefined {
    const run = this.#tryPiece(offset, end);
    if (run) this.#extend(run, end);
    return run;
  }

  /** The run that begins at `offset`, at most up to `end`. @throws {@link Qcow2Error} `ERR_CORRUPT` */
  async run(offset: number, end: number): Promise<Run> {
    const known = this.tryRun(offset, end);
    if (known) return known;
    const index = Math.floor(offset / this.#layout.l2Coverage);
    const { offset: table } = await this.#l1.entry(index);
    const run =
      table === 0
        ? this.#withoutTable(offset, end, index)
        : this.#inTable(await this.#tables.l2.at(this.#entryAt(table, offset)), table, offset, end);
    this.#extend(run, end);
    return run;
  }

  /** Guest bytes that one L2 slice maps. */
  get sliceCoverage(): number {
    return (this.#tables.l2.sliceSize / this.#layout.l2.entrySize) * this.#layout.clusterSize;
  }

  /** The host offset of the L2 entry of a guest offset. */
  entryAt(table: number, offset: number): number {
    return this.#entryAt(table, offset);
  }

  #entryAt(table: number, offset: number): number {
    const { l2Coverage, clusterSize, l2 } = this.#layout;
    return table + Math.floor((offset % l2Coverage) / clusterSize) * l2.entrySize;
  }

  /** Appends what follows, as far as it is cached and goes on in the same way. */
  #extend(run: Run, end: number): void {
    if (run.kind === "compressed") return;
    while (run.guestOffset + run.length < end) {
      const next = this.#tryPiece(run.guestOffset + run.length, end);
      if (!next || next.kind !== run.kind || next.copied !== run.copied) return;
      if (run.hostOffset !== 0 && next.hostOffset !== run.hostOffset + run.length) return;
      run.length += next.length;
    }
  }

  #tryPiece(offset: number, end: number): Run | undefined {
    const index = Math.floor(offset / this.#layout.l2Coverage);
    const entry = this.#l1.tryEntry(index);
    if (!entry) return undefined;
    if (entry.offset === 0) return this.#withoutTable(offset, end, index);
    const lease = this.#tables.l2.tryAt(this.#entryAt(entry.offset, offset));
    return lease && this.#inTable(lease, entry.offset, offset, end);
  }

  #withoutTable(offset: number, end: number, index: number): Run {
    const covered = (index + Math.max(1, this.#l1.countEmpty(index))) * this.#layout.l2Coverage;
    return {
      kind: "unallocated",
      copied: false,
      guestOffset: offset,
      length: Math.min(end, covered) - offset,
      hostOffset: 0,
      compressedLength: 0,
    };
  }

  /** The run that begins at `offset`, as far as one slice of the L2 table tells. Ends the lease. */
  #inTable(lease: SliceLease, table: number, offset: number, end: number): Run {
    const { view } = lease.value;
    const { clusterSize, subclusterBits, subclusterSize, subclusters, l2 } = this.#layout;
    const position = this.#tables.l2.position(this.#entryAt(table, offset));
    const inCluster = offset % clusterSize;
    const first = inCluster >> subclusterBits;
    const inSubcluster = inCluster - first * subclusterSize;
    try {
      this.#check(view, position, offset);
      const entry = l2.decode(view, position);
      const kind = kindOf(entry, first);
      const most = Math.min(
        Math.ceil((inSubcluster + end - offset) / subclusterSize),
        ((view.byteLength - position) / l2.entrySize) * subclusters - first,
      );
      const count = entry.compressed ? subclusters - first : l2.countAlike(view, position, first, most);
      const stored = hasHostCluster(kind);
      if (stored && this.#layout.external) this.#checkPlace(entry.hostOffset, offset - inCluster);
      if (stored && first + count > subclusters) {
        const further = Math.ceil((first + count) / subclusters) - 1;
        this.#checkEnd(entry.hostOffset + further * clusterSize, offset);
      }
      return {
        kind,
        copied: entry.copied,
        guestOffset: offset,
        length: Math.min(end - offset, count * subclusterSize - inSubcluster),
        hostOffset: stored ? entry.hostOffset + inCluster : entry.compressed ? entry.hostOffset : 0,
        compressedLength: entry.compressedLength,
      };
    } finally {
      lease.release();
    }
  }

  #check(view: DataView, position: number, offset: number): void {
    const problem = this.#layout.l2.problem(view, position, this.#data.end);
    if (problem === undefined) return;
    const field = `${problem.part} of guest offset ${offset - (offset % this.#layout.clusterSize)}`;
    throw ruleError("ERR_CORRUPT", this.#file.name, field, problem.value, `valid: it must ${problem.rule}`);
  }

  /** Specification: "External data file bit". */
  #checkPlace(hostOffset: number, cluster: number): void {
    if (hostOffset === cluster) return;
    const field = `host offset of guest offset ${cluster}`;
    throw ruleError("ERR_CORRUPT", this.#file.name, field, hostOffset, "the same, the data being in another file");
  }

  #checkEnd(lastCluster: number, offset: number): void {
    if (lastCluster < this.#data.end) return;
    const rule = `inside the file of ${this.#data.end} bytes`;
    const field = `host offset of a cluster behind guest offset ${offset}`;
    throw ruleError("ERR_CORRUPT", this.#file.name, field, lastCluster, rule);
  }
}
