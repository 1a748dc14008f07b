import { type L2Entry, UNALLOCATED } from "./l2-entry.js";

/**
 * How guest clusters lose their content:
 *
 * - `zero`: they read as zeroes from now on; host clusters of their own are kept for the next write;
 * - `discard`: host clusters are given back; what a backing image holds must not come to light;
 * - `drop`: they leave the guest disk, and are to be as if they had never been.
 */
export type EraseMode = "zero" | "discard" | "drop";

/** What an L2 entry becomes, and whether it lets go of the host clusters it has shown. */
export interface Erased {
  readonly entry: L2Entry;
  readonly letsGo: boolean;
}

/** What is to be erased of a cluster, by masks of its subclusters. */
export interface Erasure {
  readonly mode: EraseMode;
  /** Those to erase; with `drop` all. */
  readonly touched: number;
  /** Those for which a backing image has data, which an unallocated subcluster would show. */
  readonly hidden: number;
  /** All that the entry has. */
  readonly all: number;
}

/**
 * What an entry becomes; `undefined` where it stays as it is, or where only writing zeroes would help (version 2 over
 * a backing image, part of a compressed cluster).
 */
export function erased(old: L2Entry, { mode, touched, hidden, all }: Erasure, version: 2 | 3): Erased | undefined {
  const hasHost = old.compressed || old.hostOffset !== 0;
  if (mode === "drop") return hasHost || old.zero !== 0 ? { entry: UNALLOCATED, letsGo: hasHost } : undefined;
  if (isPartOfCompressed(old, { touched, all })) return undefined;
  const stored = old.compressed ? all : old.stored;
  const below = touched & hidden & ~(stored | old.zero);
  const given = mode === "discard" && hasHost && touched === all;
  const cleared = touched & (mode === "zero" ? stored | below : stored);
  if (cleared === 0 && !given) return undefined;

  const left = stored & ~touched;
  const kept = !old.compressed && (left !== 0 || (mode === "zero" && old.copied && hasHost && version === 3));
  const emptied = touched & (old.zero | cleared);
  const zero = (old.zero & ~touched) | (mode === "zero" && kept ? emptied : emptied & hidden);
  if (zero !== 0 && version === 2) return undefined;
  const entry = kept ? { ...old, stored: left, zero } : { ...UNALLOCATED, zero };
  return { entry, letsGo: hasHost && !kept };
}

/** Whether only a part of a compressed cluster is to be erased, which no entry can say. */
export function isPartOfCompressed(old: L2Entry, { touched, all }: Pick<Erasure, "touched" | "all">): boolean {
  return old.compressed && touched !== all;
}
