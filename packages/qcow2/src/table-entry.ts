/**
 * Entries of the L1 table and of the refcount table, as two halves of 32 bits: `high` is the first four bytes of the
 * big-endian entry.
 *
 * An offset has 56 bits but is a multiple of 512, so it is an exact number even where it is beyond 2^53.
 */

/** Bits 32 to 55 of an offset, in the high half. */
const OFFSET_HIGH = 0x00ffffff;
/** Bits 9 to 31 of an offset, in the low half. */
const OFFSET_LOW = 0xfffffe00;

/** 2^32. */
export const HIGH = 0x1_0000_0000;

/** Bit 63: the refcount of what the entry points to is exactly one. In the high half. */
const COPIED_HIGH = 0x80000000;

/** The host offset (bits 9 to 55) of a L1 entry or of a standard L2 entry, in bytes; 0 for none. */
export function offsetOf(high: number, low: number): number {
  return (high & OFFSET_HIGH) * HIGH + ((low & OFFSET_LOW) >>> 0);
}

/** Whether bit 63 of a L1 or L2 entry is set. */
export function isCopied(high: number): boolean {
  return (high & COPIED_HIGH) !== 0;
}

/** Reads an entry's offset (bits 9 to 55) out of table bytes. */
export function readOffset(view: DataView, position: number): number {
  return offsetOf(view.getUint32(position), view.getUint32(position + 4));
}

/** Writes an entry: a host offset (a multiple of 512 below 2^56; 0 for none) and bit 63. */
export function writeOffset(view: DataView, position: number, offset: number, copied = false): void {
  const high = Math.floor(offset / HIGH);
  view.setUint32(position, copied ? (high | COPIED_HIGH) >>> 0 : high);
  view.setUint32(position + 4, offset % HIGH);
}

/**
 * The rule that a L1 entry breaks, completing the sentence "must …", or `undefined`.
 * Specification: "L1 table entry".
 *
 * @param fileSize size of the image file in bytes
 */
export function l1EntryProblem(high: number, low: number, clusterSize: number, fileSize: number): string | undefined {
  return l1ReservedProblem(high, low) ?? offsetProblem(offsetOf(high, low), clusterSize, fileSize);
}

/** The same, for the reserved bits alone. */
export function l1ReservedProblem(high: number, low: number): string | undefined {
  const clear = (high & 0x7f000000) === 0 && (low & 0x1ff) === 0;
  return clear ? undefined : "have its reserved bits (0 to 8, 56 to 62) clear";
}

/**
 * The rule that an entry of the refcount table breaks, completing the sentence "must …", or `undefined`.
 * Specification: "Refcount table entry".
 *
 * @param fileSize size of the image file in bytes
 */
export function refcountTableEntryProblem(
  high: number,
  low: number,
  clusterSize: number,
  fileSize: number,
): string | undefined {
  if ((low & 0x1ff) !== 0) return "have its reserved bits (0 to 8) clear";
  return offsetProblem(refcountBlockOffset(high, low), clusterSize, fileSize);
}

/** The host offset (bits 9 to 63) of a refcount table entry, in bytes; 0 for none. Inexact only from 2^62 on. */
export function refcountBlockOffset(high: number, low: number): number {
  return (high >>> 0) * HIGH + ((low & OFFSET_LOW) >>> 0);
}

/** The rule that the offset of a table or data cluster breaks; offset 0 means none and breaks no rule. */
export function offsetProblem(offset: number, clusterSize: number, fileSize: number): string | undefined {
  if (offset === 0) return undefined;
  if (offset % clusterSize !== 0) return `point to a multiple of the cluster size ${clusterSize}`;
  if (offset >= fileSize) return `point inside the file of ${fileSize} bytes`;
  return undefined;
}

/** A table entry as text for messages, such as `0x8000000000050000`. */
export function entryText(high: number, low: number): string {
  return `0x${hex(high)}${hex(low)}`;
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
