import { entryText, refcountTableEntryProblem } from "../table-entry.js";
import type { Survey } from "./survey.js";

/** What is wrong with refcounts. */
export interface RefcountVerdict {
  /** Blocks that the refcount table looks for behind the end of the file: all their refcounts are 0. */
  outside: number;
  /** Other blocks, or table entries, that are broken, or also something else. */
  brokenBlocks: number;
  /** Whether a block is missing or cannot be read. */
  missing: boolean;
  /** Clusters whose refcount is less than the references to them. */
  tooLow: number;
  /** Clusters whose refcount is more. */
  tooHigh: number;
}

/** Counts the refcount table and its blocks, and compares each refcount with the references. */
export async function judgeRefcounts(survey: Survey): Promise<RefcountVerdict> {
  const verdict: RefcountVerdict = { outside: 0, brokenBlocks: 0, missing: false, tooLow: 0, tooHigh: 0 };
  checkBlocks(survey, verdict);
  await compareRefcounts(survey, verdict);
  return verdict;
}

/** Each block must be referred to once. */
function checkBlocks(survey: Survey, verdict: RefcountVerdict): void {
  const { header, geometry, report, references, counts, stored } = survey;
  const { clusterSize } = geometry;
  references.addMetadata(header.refcountTableOffset, header.refcountTableClusters * clusterSize, "refcount table");
  for (let index = 0; index < stored.tableEntries; index++) {
    const { high, low } = stored.entry(index);
    if (high === 0 && low === 0) continue;
    // A block that begins behind the end may still lie in a cluster that something refers to.
    const end = Math.max(survey.fileSize, counts.end * clusterSize);
    const problem = refcountTableEntryProblem(high, low, clusterSize, end);
    const offset = stored.blockOffset(index);
    if (problem !== undefined || offset === undefined) {
      report.corruption(() => `refcount table: entry ${index} is ${entryText(high, low)}, must ${problem}`);
      if (offset !== undefined && offset >= end) verdict.outside++;
      else verdict.brokenBlocks++;
      continue;
    }
    const counted = references.addMetadata(offset, clusterSize, `refcount block ${index}`);
    const count = counts.get(offset / clusterSize);
    if (count !== 1) report.corruption(() => `refcount block ${index} at ${offset} is used ${count} times`);
    if (count !== 1 || !counted) verdict.brokenBlocks++;
  }
}

/** How many clusters have refcounts that matter: those of the file, and those behind it that something refers to. */
export function countedClusters({ endOfFile, counts }: Survey): number {
  return Math.max(endOfFile, counts.end);
}

async function compareRefcounts(survey: Survey, verdict: RefcountVerdict): Promise<void> {
  const { geometry, counts, stored, report, call } = survey;
  const { refcountsPerBlock } = geometry;
  const clusters = countedClusters(survey);
  for (let block = 0; block * refcountsPerBlock < clusters; block++) {
    call.signal?.throwIfAborted();
    const begin = block * refcountsPerBlock;
    const end = Math.min(clusters, begin + refcountsPerBlock);
    if ((await stored.get(begin)) === undefined) {
      report.error(() => `refcounts of clusters ${begin} to ${end - 1} cannot be read`, end - begin);
      verdict.missing = true;
    } else if (stored.blockOffset(block) === 0) {
      // Nothing is stored: only what is referred to matters, and a sparse file may be long.
      const before = verdict.tooLow;
      for (const range of counts.counted(begin, end)) compareRange(survey, verdict, range.begin, range.end);
      if (verdict.tooLow > before) verdict.missing = true;
    } else {
      compareRange(survey, verdict, begin, end);
    }
  }
}

/** Compares clusters of the refcount block that was asked for last; where there is none, the refcounts are zero. */
function compareRange(survey: Survey, verdict: RefcountVerdict, begin: number, end: number): void {
  const { counts, stored, report } = survey;
  for (let cluster = begin; cluster < end; cluster++) {
    const refcount = stored.recent(cluster) ?? 0;
    const count = counts.get(cluster);
    if (refcount > 0 || count > 0) report.highestCluster = cluster;
    if (refcount === count) continue;
    const message = (): string => `cluster ${cluster}: refcount is ${refcount}, references are ${count}`;
    if (refcount < count) {
      verdict.tooLow++;
      report.corruption(message);
    } else {
      verdict.tooHigh++;
      report.leak(message);
    }
  }
}
