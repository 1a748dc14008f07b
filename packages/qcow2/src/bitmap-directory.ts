import { type BitmapEntry, bitmapEntryLength, decodeBitmapEntry, encodeBitmapEntry } from "./bitmap-entry.js";
import { readU64, viewOf, writeU64 } from "./bytes.js";
import { Qcow2Error, quote, ruleError } from "./errors.js";
import { AUTOCLEAR } from "./features.js";
import type { Qcow2Header } from "./header.js";
import { EXTENSION, findExtension, type HeaderExtension, withExtension } from "./header-extensions.js";
import type { HostFile } from "./host-file.js";

/** Bytes of the header extension, and of an entry at least. */
const FIXED = 24;
/** Most bitmaps of an image; the limit that QEMU sets. */
export const MAX_BITMAPS = 65535;
/** Most bytes of a directory; the limit that QEMU sets. */
export const MAX_BITMAP_DIRECTORY: number = MAX_BITMAPS * 1024;
/** Most bytes that the bits of a bitmap may take; the limit that QEMU sets. */
const MAX_BITMAP_BYTES = 512 * 1024 * 1024;
/** log2 of the least granularity. */
export const MIN_GRANULARITY_BITS = 9;
/** log2 of the largest granularity. */
export const MAX_GRANULARITY_BITS = 31;
/** Most bytes of a name. */
export const MAX_BITMAP_NAME = 1023;

/** Where the directory is. */
export interface DirectoryPlace {
  readonly count: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Where the bitmaps extension of a header says that the directory is; `undefined` where it is too short. */
export function decodeDirectoryPlace(extension: Uint8Array): DirectoryPlace | undefined {
  if (extension.byteLength < FIXED) return undefined;
  const view = viewOf(extension);
  return { count: view.getUint32(0), size: readU64(view, 8), offset: readU64(view, 16) };
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
  const place = data && decodeDirectoryPlace(data);
  if (place === undefined || data?.byteLength !== FIXED) {
    const rule = `${FIXED}, where autoclear bit 0 is set`;
    throw ruleError("ERR_CORRUPT", where, "length of the bitmaps extension", data?.byteLength ?? "absent", rule);
  }
  const clusterSize = 2 ** header.clusterBits;
  const fits = place.count >= 1 && place.count <= MAX_BITMAPS && place.size <= MAX_BITMAP_DIRECTORY;
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
  const found = decodeBitmapEntry(bytes, offset);
  if (!found) {
    throw ruleError("ERR_CORRUPT", where, "end of the bitmap directory entry at", offset, "inside the directory");
  }
  const { entry, length } = found;
  const clusterSize = 2 ** header.clusterBits;
  const { granularityBits, tableOffset, tableSize } = entry;
  const nameSize = entry.nameBytes.byteLength;
  let rule: string | undefined;
  if (found.problem !== undefined) rule = found.problem;
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
  return { entry, length };
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

/** The bytes of a directory. */
export function encodeBitmapDirectory(entries: readonly BitmapEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + bitmapEntryLength(entry), 0));
  let at = 0;
  for (const entry of entries) {
    encodeBitmapEntry(entry, bytes.subarray(at));
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
