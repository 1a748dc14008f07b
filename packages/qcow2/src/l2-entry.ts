/**
 * What an L2 entry says about a subcluster, which is the whole cluster without extended L2 entries:
 *
 * - `unallocated`: not in this layer;
 * - `reserved`: not in this layer, but its cluster has a host cluster (extended L2 entries);
 * - `normal`: stored in a host cluster;
 * - `zero`: reads as zeroes, no host cluster (version 3);
 * - `zero-allocated`: reads as zeroes, a host cluster is kept for it (version 3);
 * - `compressed`: stored compressed, at a byte offset, with all others of its cluster.
 */
export type ClusterKind = "unallocated" | "reserved" | "normal" | "zero" | "zero-allocated" | "compressed";

/**
 * An L2 entry, taken apart. Subclusters are bits of a mask of 32 bits, the first one the lowest; a standard entry has
 * one, the whole cluster.
 */
export interface L2Entry {
  readonly compressed: boolean;
  /** Bit 63: the refcount is exactly one, so the cluster may be written in place. */
  readonly copied: boolean;
  /** Host offset in bytes: of the cluster, or of the first compressed byte; 0 where there is none. */
  readonly hostOffset: number;
  /** Bytes from `hostOffset` that the compressed data may take (the file may end before); else 0. */
  readonly compressedLength: number;
  /** The subclusters that the host cluster stores; none of a compressed cluster. */
  readonly stored: number;
  /** The subclusters that read as zeroes. */
  readonly zero: number;
}

/** An entry that says nothing. */
export const UNALLOCATED: L2Entry = {
  compressed: false,
  copied: false,
  hostOffset: 0,
  compressedLength: 0,
  stored: 0,
  zero: 0,
};

/** What an entry says about one of its subclusters. */
export function kindOf(entry: L2Entry, subcluster: number): ClusterKind {
  if (entry.compressed) return "compressed";
  const bit = 1 << subcluster;
  if ((entry.zero & bit) !== 0) return entry.hostOffset === 0 ? "zero" : "zero-allocated";
  if ((entry.stored & bit) !== 0) return "normal";
  return entry.hostOffset === 0 ? "unallocated" : "reserved";
}

/** Whether data of this kind lies in the host cluster, or would when it is written. */
export function hasHostCluster(kind: ClusterKind): boolean {
  return kind === "normal" || kind === "zero-allocated" || kind === "reserved";
}

/** The mask of the subclusters from `first` up to but not including `end` (0 to 32). */
export function subclusters(first: number, end: number): number {
  if (first >= end) return 0;
  return (end === 32 ? -1 : (1 << end) - 1) & (-1 << first);
}

/** The lowest bit that is set in a mask; 32 in an empty one. */
export function lowestBit(mask: number): number {
  return mask === 0 ? 32 : 31 - Math.clz32(mask & -mask);
}
