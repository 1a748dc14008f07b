/** The numbers that follow from cluster size, refcount width and guest size. Sizes are bytes unless named otherwise. */
export interface Geometry {
  /** log2 of the cluster size. */
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** log2 of the entries in an L2 table. */
  readonly l2Bits: number;
  /** Entries in an L2 table, which fills one cluster. */
  readonly l2Entries: number;
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
/** Largest `cluster_bits`. */
export const MAX_CLUSTER_BITS = 21;
/** Largest `refcount_order`. */
export const MAX_REFCOUNT_ORDER = 6;
/** Largest L1 table, in bytes; the limit that QEMU sets. */
export const MAX_L1_BYTES: number = 32 * 1024 * 1024;
/** Largest refcount table, in bytes; the limit that QEMU sets. */
export const MAX_REFCOUNT_TABLE_BYTES: number = 8 * 1024 * 1024;

/**
 * Computes the geometry. The arguments are already checked.
 *
 * @param guestSize size of the guest disk in bytes
 */
export function geometryOf(clusterBits: number, refcountOrder: number, guestSize: number): Geometry {
  const clusterSize = 2 ** clusterBits;
  const l2Bits = clusterBits - 3;
  const l2Coverage = 2 ** (clusterBits + l2Bits);
  const refcountBlockBits = clusterBits + 3 - refcountOrder;
  return {
    clusterBits,
    clusterSize,
    l2Bits,
    l2Entries: 2 ** l2Bits,
    l2Coverage,
    refcountOrder,
    refcountBits: 2 ** refcountOrder,
    refcountBlockBits,
    refcountsPerBlock: 2 ** refcountBlockBits,
    guestSize,
    l1Entries: Math.ceil(guestSize / l2Coverage),
  };
}

/** Largest guest size in bytes that the largest L1 table can map and a plain number can hold. */
export function maxGuestSize(clusterBits: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (MAX_L1_BYTES / 8) * 2 ** (clusterBits + clusterBits - 3));
}
