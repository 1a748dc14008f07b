import { alignUp, readU64, viewOf, writeU64 } from "./bytes.js";
import { Qcow2Error, quote, ruleError } from "./errors.js";
import { AUTOCLEAR } from "./features.js";
import type { Qcow2Header } from "./header.js";
import { EXTENSION, findExtension, type HeaderExtension, withExtension } from "./header-extensions.js";
import type { HostFile } from "./host-file.js";

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
/** Most bitmaps of an image; the limit that QEMU sets. */
export const MAX_BITMAPS = 65535;
/** Most bytes of a directory; the limit that QEMU sets. */
const MAX_DIRECTORY = MAX_BITMAPS * 1024;
/** Most bytes that the bits of a bitmap may take; the limit that QEMU sets. */
const MAX_BITMAP_BYTES = 512 * 1024 * 1024;
/** log2 of the least granularity. */
export const MIN_GRANULARITY_BITS = 9;
/** log2 of the largest granularity. */
export const MAX_GRANULARITY_BITS = 31;
/** Most bytes of a name. */
export const MAX_BITMAP_NAME = 1023;

const IN_USE = 1;
const AUTO = 2;
const EXTRA_COMPATIBLE = 4;
/** The only type there is: dirty tracking. */
const DIRTY_TRACKING = 1;

/** Where the directory is. */
export interface DirectoryPlace {
  readonly count: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/**
 * Where a header says that the bitmap directory is; `undefined` without bitmaps, or where they are out of date because
 * a program has written to the image that does not know them.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT`
 */
export function bitmapDirectory(header: Qcow2Header, where: string): DirectoryPlace | undefined {
  if ((header.features.autoclear & AUTOCLEAR.bitmaps) === 0n) return undefined;
  const data = findExtension(header.extensions, EXTENSION.bitmaps);
  if (data === undefined || data.byteLength !== FIXED) {
    const rule = `${FIXED}, where autoclear bit 0 is set`;
    throw ruleError("ERR_CORRUPT", where, "length of the bitmaps extension", data?.byteLength ?? "absent", rule);
  }
  const view = viewOf(data);
  const place = { count: view.getUint32(0), size: readU64(view, 8), offset: readU64(view, 16) };
  const clusterSize = 2 ** header.clusterBits;
  const fits = place.count >= 1 && place.count <= MAX_BITMAPS && place.size <= MAX_DIRECTORY;
  if (!fits || place.size < place.count * FIXED || place.offset % clusterSize !== 0 || place.offset < clusterSize) {
    const what = `${place.count} bitmaps, ${place.size} bytes at ${place.offset}`;
    throw ruleError("ERR_CORRUPT", where, "bitmaps extension", what, "1 to 65535 bitmaps in a directory at a cluster");
  }
  return place;
}

/**
 * Reads the bitmap directory.
 *
 * @throws {@link Qcow2Error} `ERR_CORRUPT`
 */
export async function readBitmapDirectory(file: HostFile, header: Qcow2Header): Promise<BitmapEntry[]> {
  const place = bitmapDirectory(header, file.name);
  if (!place) return [];
  if (place.offset + place.size > file.size) {
    const rule = `inside the file of ${file.size} bytes`;
    throw ruleError("ERR_CORRUPT", file.name, "end of the bitmap directory", place.offset + place.size, rule);
  }
  const bytes = new Uint8Array(place.size);
  await file.read(bytes, place.offset);
  const entries: BitmapEntry[] = [];
  const names = new Set<string>();
  for (let at = 0; entries.length < place.count;) {
    const { entry, length } = parseEntry(file.name, bytes.subarray(at), place.offset + at, header);
    if (names.has(entry.name)) throw broken(file.name, entry.name, "have a name of its own");
    names.add(entry.name);
    entries.push(entry);
    at += length;
  }
  return entries;
}

function parseEntry(
  where: string,
  bytes: Uint8Array,
  offset: number,
  header: Qcow2Header,
): { readonly entry: BitmapEntry; readonly length: number } {
  const view = viewOf(bytes);
  const [nameSize, extraSize] = bytes.byteLength < FIXED ? [0, 0] : [view.getUint16(18), view.getUint32(20)];
  const end = FIXED + extraSize + nameSize;
  if (bytes.byteLength < FIXED || end > bytes.byteLength) {
    throw ruleError("ERR_CORRUPT", where, "end of a bitmap directory entry", offset + end, "inside the directory");
  }
  const flags = view.getUint32(12);
  const entry = {
    name: new TextDecoder().decode(bytes.subarray(FIXED + extraSize, end)),
    nameBytes: bytes.slice(FIXED + extraSize, end),
    granularityBits: view.getUint8(17),
    inUse: (flags & IN_USE) !== 0,
    auto: (flags & AUTO) !== 0,
    extraCompatible: (flags & EXTRA_COMPATIBLE) !== 0,
    extra: bytes.slice(FIXED, FIXED + extraSize),
    tableOffset: readU64(view, 0),
    tableSize: view.getUint32(8),
    flagsOffset: offset + 12,
  };
  const clusterSize = 2 ** header.clusterBits;
  const { granularityBits, tableOffset, tableSize } = entry;
  let rule: string | undefined;
  if ((flags & ~(IN_USE | AUTO | EXTRA_COMPATIBLE)) !== 0) rule = "have its reserved flags clear";
  else if (view.getUint8(16) !== DIRTY_TRACKING) rule = "be of type 1";
  else if (nameSize < 1 || nameSize > MAX_BITMAP_NAME) rule = `have a name of 1 to ${MAX_BITMAP_NAME} bytes`;
  else if (granularityBits < MIN_GRANULARITY_BITS || granularityBits > MAX_GRANULARITY_BITS) {
    rule = `have granularity_bits from ${MIN_GRANULARITY_BITS} to ${MAX_GRANULARITY_BITS}`;
  } else if (tableSize < 1 || tableSize * clusterSize > MAX_BITMAP_BYTES) {
    rule = `have a table for at most ${MAX_BITMAP_BYTES} bytes of bits`;
  } else if (tableOffset < clusterSize || tableOffset % clusterSize !== 0) rule = "have its table at a cluster";
  // One that was not stored may be of the size that the disk had before.
  else if (!entry.inUse && tableSize !== bitmapTableSize(header.size, granularityBits, clusterSize)) {
    rule = `have a table for a disk of ${header.size} bytes`;
  }
  if (rule !== undefined) throw broken(where, entry.name, rule);
  return { entry, length: alignUp(end, 8) };
}

function broken(where: string, name: string, rule: string): Qcow2Error {
  const message = `${where}: bitmap ${quote(name)} must ${rule}`;
  return new Qcow2Error("ERR_CORRUPT", message, { field: "bitmap directory", value: name, rule });
}

/**
 * Refuses a bitmap that would be empty, or take more than QEMU reads.
 *
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`
 */
export function refuseBitmapSize(where: string, diskSize: number, granularityBits: number): void {
  const bytes = Math.ceil(diskSize / 2 ** granularityBits / 8);
  if (bytes >= 1 && bytes <= MAX_BITMAP_BYTES) return;
  const rule = `1 to ${MAX_BITMAP_BYTES} (a larger granularity makes it smaller)`;
  throw ruleError("ERR_INVALID_OPTION", where, "bytes of a bitmap", bytes, rule);
}

/** How many entries the table of a bitmap has. */
export function bitmapTableSize(diskSize: number, granularityBits: number, clusterSize: number): number {
  return Math.ceil(Math.ceil(diskSize / 2 ** granularityBits) / (clusterSize * 8));
}

/** The flags of an entry, as the directory stores them. */
export function bitmapFlags({ inUse, auto, extraCompatible }: BitmapEntry): number {
  return (inUse ? IN_USE : 0) | (auto ? AUTO : 0) | (extraCompatible ? EXTRA_COMPATIBLE : 0);
}

/** The bytes of a directory. */
export function encodeBitmapDirectory(entries: readonly BitmapEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + bitmapEntryLength(entry), 0));
  const view = viewOf(bytes);
  let at = 0;
  for (const entry of entries) {
    view.setUint8(at + 16, DIRTY_TRACKING);
    writeU64(view, at, entry.tableOffset);
    view.setUint32(at + 8, entry.tableSize);
    view.setUint32(at + 12, bitmapFlags(entry));
    view.setUint8(at + 17, entry.granularityBits);
    view.setUint16(at + 18, entry.nameBytes.byteLength);
    view.setUint32(at + 20, entry.extra.byteLength);
    bytes.set(entry.extra, at + FIXED);
    bytes.set(entry.nameBytes, at + FIXED + entry.extra.byteLength);
    at += bitmapEntryLength(entry);
  }
  return bytes;
}

/** The entries of a directory that stands at an offset of the file, told where their flags are. */
export function placedEntries(entries: readonly BitmapEntry[], offset: number): BitmapEntry[] {
  let at = offset;
  return entries.map((entry) => {
    const flagsOffset = at + 12;
    at += bitmapEntryLength(entry);
    return { ...entry, flagsOffset };
  });
}

function bitmapEntryLength({ extra, nameBytes }: BitmapEntry): number {
  return alignUp(FIXED + extra.byteLength + nameBytes.byteLength, 8);
}

/**
 * What a header with a bitmap directory at another place says, or with none. The extension comes first, where it
 * shares its sector with the fields: so both switch at once.
 */
export function withBitmapDirectory(
  header: Qcow2Header,
  place: DirectoryPlace | undefined,
): Pick<Qcow2Header, "extensions" | "features"> {
  const { features } = header;
  const others = withExtension(header.extensions, EXTENSION.bitmaps, undefined);
  if (!place) {
    return { extensions: others, features: { ...features, autoclear: features.autoclear & ~AUTOCLEAR.bitmaps } };
  }
  const data = new Uint8Array(FIXED);
  const view = viewOf(data);
  view.setUint32(0, place.count);
  writeU64(view, 8, place.size);
  writeU64(view, 16, place.offset);
  const first: HeaderExtension = { type: EXTENSION.bitmaps, data };
  return {
    extensions: [first, ...others],
    features: { ...features, autoclear: features.autoclear | AUTOCLEAR.bitmaps },
  };
}
