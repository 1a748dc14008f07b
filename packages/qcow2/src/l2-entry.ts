import { HIGH, isCopied, offsetOf, offsetProblem } from "./table-entry.js";

/**
 * What an L2 entry says about its guest cluster:
 *
 * - `unallocated`: not in this layer;
 * - `normal`: stored in a host cluster;
 * - `zero`: reads as zeroes, no host cluster (version 3);
 * - `zero-allocated`: reads as zeroes, a host cluster is kept for it (version 3);
 * - `compressed`: stored compressed, at a byte offset.
 */
export type ClusterKind = "unallocated" | "normal" | "zero" | "zero-allocated" | "compressed";

/** An L2 entry, taken apart. */
export interface L2Entry {
  readonly kind: ClusterKind;
  /** Bit 63: the refcount is exactly one, so the cluster may be written in place. */
  readonly copied: boolean;
  /** Host offset in bytes: of the cluster, or of the first compressed byte; 0 where there is none. */
  readonly hostOffset: number;
  /** Bytes from `hostOffset` that the compressed data may take (the file may end before); else 0. */
  readonly compressedLength: number;
}

/** Bit 62 of an entry, in the high half. */
const COMPRESSED_HIGH = 0x40000000;
/** Bit 0 of an entry, in the low half. */
const ZERO_LOW = 1;

/**
 * What an entry is, from its two halves (`high` is the first four bytes of the big-endian entry). In version 2 bit 0
 * is reserved; there {@link l2EntryProblem} refuses it and this function tells `zero` all the same.
 */
export function clusterKind(high: number, low: number): ClusterKind {
  if ((high & COMPRESSED_HIGH) !== 0) return "compressed";
  const allocated = offsetOf(high, low) !== 0;
  if ((low & ZERO_LOW) !== 0) return allocated ? "zero-allocated" : "zero";
  return allocated ? "normal" : "unallocated";
}

/** Takes an entry apart. Specification: "L2 table entry". Checks nothing: see {@link l2EntryProblem}. */
export function decodeL2Entry(high: number, low: number, clusterBits: number): L2Entry {
  const kind = clusterKind(high, low);
  if (kind !== "compressed") {
    return { kind, copied: isCopied(high), hostOffset: offsetOf(high, low), compressedLength: 0 };
  }
  // The sector count always lies in the high half: 62 - (21 - 8) = 49.
  const shift = sectorShift(clusterBits);
  const sectors = (high >>> shift) & (2 ** (clusterBits - 8) - 1);
  const hostOffset = (high & (2 ** shift - 1)) * HIGH + (low >>> 0);
  const compressedLength = (sectors + 1) * 512 - (low & 511);
  return { kind, copied: isCopied(high), hostOffset, compressedLength };
}

/**
 * The rule that an entry breaks, completing the sentence "must …", or `undefined`.
 *
 * @param fileSize size of the image file in bytes
 */
export function l2EntryProblem(
  high: number,
  low: number,
  layout: { readonly version: number; readonly clusterBits: number },
  fileSize: number,
): string | undefined {
  if ((high & COMPRESSED_HIGH) !== 0) {
    const { hostOffset } = decodeL2Entry(high, low, layout.clusterBits);
    return hostOffset >= fileSize ? `point inside the file of ${fileSize} bytes` : undefined;
  }
  const problem = l2ReservedProblem(high, low, layout.version);
  return problem ?? offsetProblem(offsetOf(high, low), 2 ** layout.clusterBits, fileSize);
}

/** The same, for the reserved bits alone, of which a compressed cluster has none. */
export function l2ReservedProblem(high: number, low: number, version: number): string | undefined {
  if ((high & COMPRESSED_HIGH) !== 0) return undefined;
  if ((high & 0x3f000000) !== 0 || (low & 0x1fe) !== 0) return "have its reserved bits (1 to 8, 56 to 61) clear";
  return version < 3 && (low & ZERO_LOW) !== 0 ? "have bit 0 clear, being in a version 2 image" : undefined;
}

/**
 * Writes an entry into table bytes.
 *
 * @throws RangeError where a compressed cluster is longer than its descriptor can tell
 */
export function writeL2Entry(view: DataView, position: number, entry: L2Entry, clusterBits: number): void {
  let high = Math.floor(entry.hostOffset / HIGH);
  let low = entry.hostOffset % HIGH;
  if (entry.copied) high |= 0x80000000;
  if (entry.kind === "zero" || entry.kind === "zero-allocated") low |= ZERO_LOW;
  if (entry.kind === "compressed") {
    const sectors = Math.ceil(((entry.hostOffset % 512) + entry.compressedLength) / 512) - 1;
    if (sectors < 0 || sectors >= 2 ** (clusterBits - 8)) {
      throw new RangeError(`compressed length ${entry.compressedLength} does not fit its descriptor`);
    }
    high |= COMPRESSED_HIGH | (sectors << sectorShift(clusterBits));
  }
  view.setUint32(position, high >>> 0);
  view.setUint32(position + 4, low >>> 0);
}

/** The first host offset in bytes that the descriptor of a compressed cluster has no room for. */
export function compressedOffsetEnd(clusterBits: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, HIGH * 2 ** sectorShift(clusterBits));
}

/** Where the sector count of a compressed cluster begins, counted from bit 32. */
function sectorShift(clusterBits: number): number {
  return 62 - (clusterBits - 8) - 32;
}
