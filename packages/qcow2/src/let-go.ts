import type { L2Entry } from "./l2-entry.js";
import type { Layout } from "./layout.js";
import type { PendingFrees } from "./pending-frees.js";

/** Lets go of the host clusters that an L2 entry showed until now. */
export function letGo(entry: L2Entry, { clusterSize, external }: Layout, frees: PendingFrees): void {
  // Clusters in a file of their own are not counted.
  if (external) return;
  if (entry.hostOffset === 0 && !entry.compressed) return;
  const first = Math.floor(entry.hostOffset / clusterSize);
  if (!entry.compressed) return frees.add(first, 1);
  // Each host cluster that the sectors of compressed data touch is counted once for it.
  const last = Math.floor((entry.hostOffset + entry.compressedLength - 1) / clusterSize);
  frees.add(first, last - first + 1);
}
