import type { L2Entry } from "./l2-entry.js";
import { HIGH, isCopied, offsetOf, offsetProblem } from "./table-entry.js";

/**
 * The first eight bytes of an L2 entry, which standard and extended entries share but for bit 0, as two halves of 32
 * bits: `high` is the first four bytes. Specification: "L2 table entry".
 */

/** Bit 62 of an entry, in the high half. */
const COMPRESSED_HIGH = 0x40000000;

/** The rule that every compressed cluster breaks where clusters lie in a file of their own. */
export const UNCOMPRESSED = "not be compressed, the data being in another file";

/** Whether bit 62 is set. */
export function isCompressed(high: number): boolean {
  return (high & COMPRESSED_HIGH) !== 0;
}

/** Takes the entry of a compressed cluster apart. Specification: "Compressed Clusters Descriptor". */
export function decodeCompressed(high: number, low: number, clusterBits: number): L2Entry {
  // The sector count always lies in the high half: 62 - (21 - 8) = 49.
  const shift = sectorShift(clusterBits);
  const sectors = (high >>> shift) & (2 ** (clusterBits - 8) - 1);
  return {
    compressed: true,
    copied: isCopied(high),
    hostOffset: (high & (2 ** shift - 1)) * HIGH + (low >>> 0),
    compressedLength: (sectors + 1) * 512 - (low & 511),
    stored: 0,
    zero: 0,
  };
}

/** Whether the entry of a standard cluster shows a host cluster. */
export function hasHostOffset(high: number, low: number, external: boolean): boolean {
  return offsetOf(high, low) !== 0 || (external && isCopied(high));
}

/** Whether the reserved bits of a standard cluster are clear, bit 0 left aside. */
export function isReservedClear(high: number, low: number): boolean {
  return (high & 0x3f000000) === 0 && (low & 0x1fe) === 0;
}

/**
 * The rule that the host offset breaks, completing the sentence "must …", or `undefined`.
 *
 * @param fileSize size of the image file in bytes
 */
export function hostOffsetProblem(
  high: number,
  low: number,
  clusterBits: number,
  fileSize: number,
): string | undefined {
  if (!isCompressed(high)) return offsetProblem(offsetOf(high, low), 2 ** clusterBits, fileSize);
  const { hostOffset } = decodeCompressed(high, low, clusterBits);
  return hostOffset >= fileSize ? `point inside the file of ${fileSize} bytes` : undefined;
}

/**
 * Writes the eight bytes of an entry, bit 0 clear.
 *
 * @throws RangeError where a compressed cluster is longer than its descriptor can tell
 */
export function writeDescriptor(view: DataView, position: number, entry: L2Entry, clusterBits: number): void {
  let high = Math.floor(entry.hostOffset / HIGH);
  if (entry.copied) high |= 0x80000000;
  if (entry.compressed) {
    const sectors = Math.ceil(((entry.hostOffset % 512) + entry.compressedLength) / 512) - 1;
    if (sectors < 0 || sectors >= 2 ** (clusterBits - 8)) {
      throw new RangeError(`compressed length ${entry.compressedLength} does not fit its descriptor`);
    }
    high |= COMPRESSED_HIGH | (sectors << sectorShift(clusterBits));
  }
  view.setUint32(position, high >>> 0);
  view.setUint32(position + 4, entry.hostOffset % HIGH);
}

/** The first host offset in bytes that the descriptor of a compressed cluster has no room for. */
export function compressedOffsetEnd(clusterBits: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, HIGH * 2 ** sectorShift(clusterBits));
}

/** Where the sector count of a compressed cluster begins, counted from bit 32. */
function sectorShift(clusterBits: number): number {
  return 62 - (clusterBits - 8) - 32;
}
