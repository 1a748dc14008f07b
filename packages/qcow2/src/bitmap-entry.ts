import { alignUp, readU64, viewOf, writeU64 } from "./bytes.js";

/** An entry of the bitmap directory. Specification: "Bitmap directory". */
export interface BitmapEntry {
  readonly name: string;
  /** The name as it stands in the image. */
  readonly nameBytes: Uint8Array;
  readonly granularityBits: number;
  /** Its bits may be out of date: whoever wrote to the image did not store it. */
  readonly inUse: boolean;
  /** Changes of the disk are to be recorded in it. */
  readonly auto: boolean;
  /** It may be used although nobody knows what its extra data means. */
  readonly extraCompatible: boolean;
  readonly extra: Uint8Array;
  readonly tableOffset: number;
  /** Entries of its table. */
  readonly tableSize: number;
  /** Where its flags stand in the file. */
  readonly flagsOffset: number;
}

/** Bytes of an entry in front of its extra data. */
const FIXED = 24;
const IN_USE = 1;
const AUTO = 2;
const EXTRA_COMPATIBLE = 4;
/** The only type there is: dirty tracking. */
const DIRTY_TRACKING = 1;

/** An entry as the directory has it, of which no rule is known to hold but that it fits. */
export interface FoundBitmapEntry {
  readonly entry: BitmapEntry;
  /** What an entry of its layout must not be, completing the sentence "must …". */
  readonly problem: string | undefined;
  /** Bytes up to the next entry. */
  readonly length: number;
}

/**
 * Takes the entry apart with which the bytes begin; `undefined` where they end before it does.
 *
 * @param offset where in the file they begin
 */
export function decodeBitmapEntry(bytes: Uint8Array, offset: number): FoundBitmapEntry | undefined {
  if (bytes.byteLength < FIXED) return undefined;
  const view = viewOf(bytes);
  const nameAt = FIXED + view.getUint32(20);
  const end = nameAt + view.getUint16(18);
  if (end > bytes.byteLength) return undefined;
  const flags = view.getUint32(12);
  const entry = {
    name: new TextDecoder().decode(bytes.subarray(nameAt, end)),
    nameBytes: bytes.slice(nameAt, end),
    granularityBits: view.getUint8(17),
    inUse: (flags & IN_USE) !== 0,
    auto: (flags & AUTO) !== 0,
    extraCompatible: (flags & EXTRA_COMPATIBLE) !== 0,
    extra: bytes.slice(FIXED, nameAt),
    tableOffset: readU64(view, 0),
    tableSize: view.getUint32(8),
    flagsOffset: offset + 12,
  };
  return { entry, problem: problemOf(flags, view.getUint8(16)), length: alignUp(end, 8) };
}

function problemOf(flags: number, type: number): string | undefined {
  if ((flags & ~(IN_USE | AUTO | EXTRA_COMPATIBLE)) !== 0) return "have its reserved flags clear";
  return type === DIRTY_TRACKING ? undefined : "be of type 1";
}

/** The flags of an entry, as the directory stores them. */
export function bitmapFlags({ inUse, auto, extraCompatible }: BitmapEntry): number {
  return (inUse ? IN_USE : 0) | (auto ? AUTO : 0) | (extraCompatible ? EXTRA_COMPATIBLE : 0);
}

/** Writes an entry to bytes that are zero. */
export function encodeBitmapEntry(entry: BitmapEntry, bytes: Uint8Array): void {
  const view = viewOf(bytes);
  writeU64(view, 0, entry.tableOffset);
  view.setUint32(8, entry.tableSize);
  view.setUint32(12, bitmapFlags(entry));
  view.setUint8(16, DIRTY_TRACKING);
  view.setUint8(17, entry.granularityBits);
  view.setUint16(18, entry.nameBytes.byteLength);
  view.setUint32(20, entry.extra.byteLength);
  bytes.set(entry.extra, FIXED);
  bytes.set(entry.nameBytes, FIXED + entry.extra.byteLength);
}

/** Bytes that an entry takes. */
export function bitmapEntryLength({ extra, nameBytes }: BitmapEntry): number {
  return alignUp(FIXED + extra.byteLength + nameBytes.byteLength, 8);
}
