import type { L2Entry } from "./l2-entry.js";

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

const UNALLOCATED: L2Entry = { kind: "unallocated", copied: false, hostOffset: 0, compressedLength: 0 };
const ZERO: L2Entry = { ...UNALLOCATED, kind: "zero" };

/**
 * What an entry becomes; `undefined` where it stays as it is, or where only writing zeroes would help (version 2 over
 * a backing image).
 *
 * @param hidden whether a backing image has data there, which an unallocated cluster would show
 */
export function erased(old: L2Entry, mode: EraseMode, version: 2 | 3, hidden: boolean): Erased | undefined {
  const stored = old.kind === "normal" || old.kind === "zero-allocated" || old.kind === "compressed";
  if (mode === "drop") return old.kind === "unallocated" ? undefined : { entry: UNALLOCATED, letsGo: stored };
  if (old.kind === "zero") return undefined;
  if (old.kind === "unallocated") {
    return mode === "zero" && hidden && version === 3 ? { entry: ZERO, letsGo: false } : undefined;
  }
  if (mode === "zero" && version === 3) {
    if (old.kind === "zero-allocated") return undefined;
    if (old.kind === "normal" && old.copied) return { entry: { ...old, kind: "zero-allocated" }, letsGo: false };
  }
  if (!hidden) return { entry: UNALLOCATED, letsGo: stored };
  return version === 3 ? { entry: ZERO, letsGo: stored } : undefined;
}
