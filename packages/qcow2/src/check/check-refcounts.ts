import type { CallOptions } from "@instar/backend";

import type { Geometry } from "../geometry.js";
import { entryText, refcountTableEntryProblem } from "../table-entry.js";
import type { ReferenceCounts } from "./reference-counts.js";
import type { References } from "./references.js";
import type { ReportBuilder } from "./report.js";
import type { StoredRefcounts } from "./stored-refcounts.js";

/** What comparing refcounts needs. */
export interface RefcountContext {
  readonly fileSize: number;
  readonly geometry: Geometry;
  readonly report: ReportBuilder;
  readonly references: References;
  readonly counts: ReferenceCounts;
  readonly stored: StoredRefcounts;
  readonly call: CallOptions;
}

/** Counts the refcount blocks, each of which must be referred to once. */
export function checkRefcountBlocks(context: RefcountContext): void {
  const { geometry, report, references, counts, stored } = context;
  const { clusterSize } = geometry;
  for (let index = 0; index < stored.tableEntries; index++) {
    const { high, low } = stored.entry(index);
    if (high === 0 && low === 0) continue;
    // A block that begins behind the end may still lie in a cluster that something refers to.
    const end = Math.max(context.fileSize, counts.end * clusterSize);
    const problem = refcountTableEntryProblem(high, low, clusterSize, end);
    const offset = stored.blockOffset(index);
    if (problem !== undefined || offset === undefined) {
      report.corruption(() => `refcount table: entry ${index} is ${entryText(high, low)}, must ${problem}`);
      continue;
    }
    references.add(offset, clusterSize, `refcount block ${index}`);
    const count = counts.get(offset / clusterSize);
    if (count !== 1) report.corruption(() => `refcount block ${index} at ${offset} is used ${count} times`);
  }
}

/** Compares each refcount with the references that were counted. */
export async function compareRefcounts(context: RefcountContext): Promise<void> {
  const { geometry, counts, stored, report, call } = context;
  const { clusterSize, refcountsPerBlock } = geometry;
  const clusters = Math.max(Math.ceil(context.fileSize / clusterSize), counts.end);
  for (let block = 0; block * refcountsPerBlock < clusters; block++) {
    call.signal?.throwIfAborted();
    const begin = block * refcountsPerBlock;
    const end = Math.min(clusters, begin + refcountsPerBlock);
    if ((await stored.get(begin)) === undefined) {
      report.error(() => `refcounts of clusters ${begin} to ${end - 1} cannot be read`, end - begin);
    } else if (stored.blockOffset(block) === 0) {
      // Nothing is stored: only what is referred to matters, and a sparse file may be long.
      for (const range of counts.counted(begin, end)) compareRange(context, range.begin, range.end);
    } else {
      compareRange(context, begin, end);
    }
  }
}

/** Compares clusters of the refcount block that was asked for last; where there is none, the refcounts are zero. */
function compareRange(context: RefcountContext, begin: number, end: number): void {
  const { counts, stored, report } = context;
  for (let cluster = begin; cluster < end; cluster++) {
    const refcount = stored.recent(cluster) ?? 0;
    const count = counts.get(cluster);
    if (refcount > 0 || count > 0) report.highestCluster = cluster;
    if (refcount === count) continue;
    const message = (): string => `cluster ${cluster}: refcount is ${refcount}, references are ${count}`;
    if (refcount < count) report.corruption(message);
    else report.leak(message);
  }
}
