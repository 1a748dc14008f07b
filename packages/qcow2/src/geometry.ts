/** The numbers that follow from cluster size, refcount width and guest size. Sizes are bytes unless named otherwise. */
export interface Geometry {
  /** log2 of the cluster size. */
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** log2 of the entries in an L2 table. */
  readonly l2Bits: number;
  /** Whether L2 entries have 16 bytes and tell subclusters apart. */
  readonly extendedL2: boolean;
  /** Entries in an L2 table, which fills one cluster. */
  readonly l2Entries: number;
  /** log2 of the subcluster size. */
  readonly subclusterBits: number;
  /** What an L2 entry can tell apart: a 32nd of a cluster with extended L2 entries, else the whole cluster. */
  readonly subclusterSize: number;
  /** Subclusters of a cluster: 32 or 1. */
  readonly subclusters: number;
  /** Guest bytes that one L2 table (one L1 entry) maps. */
  readonly l2Coverage: number;
  /** log2 of the refcount width. */
  readonly refcountOrder: number;
  /** Refcount width in bits. */
  readonly refcountBits: number;
  /** log2 of the refcounts in a refcount block. */
  readonly refcountBlockBits: number;
  /** Refcounts in a refcount block, which fills one cluster. */
  readonly refcountsPerBlock: number;
  /** Size of the guest disk. */
  readonly guestSize: number;
  /** L1 entries that the guest size needs. */
  readonly l1Entries: number;
}

/** Smallest `cluster_bits`. */
export const MIN_CLUSTER_BITS = 9;
/** Smallest `cluster_bits` with extended L2 entries: a subcluster has a sector at least. */
export const MIN_EXTENDED_CLUSTER_BITS = 14;
/** Largest `cluster_bits`. */
export const MAX_CLUSTER_BITS = 21;
/** Largest `refcount_order`. */
export const MAX_REFCOUNT_ORDER = 6;
/** Largest L1 table, in bytes; the limit that QEMU sets. */
export const MAX_L1_BYTES: number = 32 * 1024 * 1024;
/** Largest refcount table, in bytes; the limit that QEMU sets. */
export const MAX_REFCOUNT_TABLE_BYTES: number = 8 * 1024 * 1024;

/** What the geometry follows from. */
export interface GeometryInput {
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly extendedL2: boolean;
  /** Size of the guest disk in bytes. */
  readonly size: number;
}

/** Computes the geometry. The numbers are already checked. */
export function geometryOf({ clusterBits, refcountOrder, extendedL2, size }: GeometryInput): Geometry {
  const clusterSize = 2 ** clusterBits;
  const l2Bits = l2BitsOf(clusterBits, extendedL2);
  const l2Coverage = 2 ** (clusterBits + l2Bits);
  const refcountBlockBits = clusterBits + 3 - refcountOrder;
  const subclusterBits = extendedL2 ? clusterBits - 5 : clusterBits;
  return {
    clusterBits,
    clusterSize,
    l2Bits,
    extendedL2,
    l2Entries: 2 ** l2Bits,
    subclusterBits,
    subclusterSize: 2 ** subclusterBits,
    subclusters: extendedL2 ? 32 : 1,
    l2Coverage,
    refcountOrder,
    refcountBits: 2 ** refcountOrder,
    refcountBlockBits,
    refcountsPerBlock: 2 ** refcountBlockBits,
    guestSize: size,
    l1Entries: Math.ceil(size / l2Coverage),
  };
}

/** Largest guest size in bytes that the largest L1 table can map and a plain number can hold. */
export function maxGuestSize({ clusterBits, extendedL2 }: Pick<GeometryInput, "clusterBits" | "extendedL2">): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (MAX_L1_BYTES / 8) * 2 ** (clusterBits + l2BitsOf(clusterBits, extendedL2)));
}

function l2BitsOf(clusterBits: number, extendedL2: boolean): number {
  return clusterBits - (extendedL2 ? 4 : 3);
}
