import type { ReferenceCounts } from "./reference-counts.js";
import type { ReportBuilder } from "./report.js";

/** Counts what a range of the file is used for, and notes what cannot be. */
export class References {
  readonly #counts: ReferenceCounts;
  readonly #report: ReportBuilder;
  readonly #clusterSize: number;
  readonly #fileSize: number;

  constructor(counts: ReferenceCounts, report: ReportBuilder, clusterSize: number, fileSize: number) {
    this.#counts = counts;
    this.#report = report;
    this.#clusterSize = clusterSize;
    this.#fileSize = fileSize;
  }

  /** One more reference to every cluster that the range touches. */
  add(offset: number, length: number, what: string): void {
    if (length <= 0) return;
    // A file may end inside its last cluster.
    if (offset + length - this.#fileSize >= this.#clusterSize) {
      this.#report.corruption(() => `${what} at ${offset} (${length} bytes) lies outside the file`);
      return;
    }
    const last = Math.floor((offset + length - 1) / this.#clusterSize);
    for (let cluster = Math.floor(offset / this.#clusterSize); cluster <= last; cluster++) {
      if (this.#counts.add(cluster)) continue;
      this.#report.corruption(() => `cluster ${cluster}: more references than a refcount of this width can count`);
    }
  }
}
