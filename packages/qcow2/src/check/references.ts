import type { ReferenceCounts } from "./reference-counts.js";
import type { ReportBuilder } from "./report.js";

/** So many clusters behind the file are remembered. */
const MOST_OUTSIDE = 100_000;

/** Counts what a range of the file is used for, and notes what cannot be. */
export class References {
  readonly #counts: ReferenceCounts;
  readonly #report: ReportBuilder;
  readonly #clusterSize: number;
  readonly #fileSize: number;
  /** Clusters of metadata that is found without looking into an L1 table. */
  readonly metadata: Set<number> = new Set();
  /** Clusters behind the file that broken entries point to. */
  readonly outside: Set<number> = new Set();

  constructor(counts: ReferenceCounts, report: ReportBuilder, clusterSize: number, fileSize: number) {
    this.#counts = counts;
    this.#report = report;
    this.#clusterSize = clusterSize;
    this.#fileSize = fileSize;
  }

  /** One more reference to every cluster that the range touches. Returns whether all could be counted. */
  add(offset: number, length: number, what: string): boolean {
    if (length <= 0) return true;
    // A file may end inside its last cluster.
    if (offset + length - this.#fileSize >= this.#clusterSize) {
      this.#report.corruption(() => `${what} at ${offset} (${length} bytes) lies outside the file`);
      if (this.outside.size < MOST_OUTSIDE)
        this.#forEachCluster(offset, length, (cluster) => this.outside.add(cluster));
      return false;
    }
    let counted = true;
    this.#forEachCluster(offset, length, (cluster) => {
      if (this.#counts.add(cluster)) return;
      counted = false;
      this.#report.corruption(() => `cluster ${cluster}: more references than a refcount of this width can count`);
    });
    return counted;
  }

  /** The same for metadata, which nothing else may overwrite. */
  addMetadata(offset: number, length: number, what: string): boolean {
    const counted = this.add(offset, length, what);
    if (length > 0 && offset + length - this.#fileSize < this.#clusterSize) {
      this.#forEachCluster(offset, length, (cluster) => this.metadata.add(cluster));
    }
    return counted;
  }

  #forEachCluster(offset: number, length: number, call: (cluster: number) => void): void {
    const last = Math.floor((offset + length - 1) / this.#clusterSize);
    for (let cluster = Math.floor(offset / this.#clusterSize); cluster <= last; cluster++) call(cluster);
  }
}
