import type { Backend, CallOptions } from "@instar/backend";

import { readU64, viewOf } from "./bytes.js";
import { Qcow2Error, ruleError } from "./errors.js";
import { type FeatureBits, INCOMPATIBLE, parseFeatureNames, requireSupported } from "./features.js";
import { type Geometry, geometryOf, MAX_CLUSTER_BITS, MIN_CLUSTER_BITS } from "./geometry.js";
import { EXTENSION, findExtension, type HeaderExtension, parseExtensions } from "./header-extensions.js";
import { checkHeader } from "./header-rules.js";

/** How compressed clusters are packed. */
export type CompressionType = "zlib" | "zstd";

/** The header of an image. Offsets and sizes are bytes. Specification: "Header". Immutable: change a copy. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  /** Guest size. */
  readonly size: number;
  /** Entries of the L1 table. */
  readonly l1Size: number;
  readonly l1TableOffset: number;
  readonly refcountTableOffset: number;
  /** Clusters of the refcount table. */
  readonly refcountTableClusters: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly features: FeatureBits;
  /** How guest data is encrypted: not, with AES in the legacy way, with LUKS. */
  readonly cryptMethod: 0 | 1 | 2;
  readonly refcountOrder: number;
  /** How compressed clusters are packed. */
  readonly compressionType: CompressionType;
  /** Where the header extensions begin: 72 in version 2. */
  readonly headerLength: number;
  /** The header's bytes from 105 on, which hold what nobody here knows; empty where there are none. */
  readonly unknownFields: Uint8Array;
  readonly extensions: readonly HeaderExtension[];
  /** Where the name of the backing file stands; 0 without one. `encodeHeader` sets it anew. */
  readonly backingFileOffset: number;
  /** The name of the backing file as it stands in the image; empty without one. */
  readonly backingFileName: Uint8Array;
}

/** The magic number, "QFI\xfb". */
export const MAGIC = 0x514649fb;
/** Length of the fields of a version 2 header. */
export const V2_LENGTH = 72;
/** Length of the least version 3 header. */
export const V3_LENGTH = 104;
/** What is read at first: enough for most headers in one request. */
const FIRST_READ = 65536;

/** Whether the file begins with the magic number of qcow2; nothing else is looked at. */
export async function probeQcow2(file: Backend, options?: CallOptions): Promise<boolean> {
  if (file.size < 4) return false;
  const bytes = new Uint8Array(4);
  await file.read(bytes, 0, options);
  return viewOf(bytes).getUint32(0) === MAGIC;
}

/** How to read a header. */
export interface ReadHeaderOptions extends CallOptions {
  /** Whether the image is to be repaired: the refcount table may be missing then. */
  readonly repair?: boolean;
}

/**
 * Reads and checks the header of an image.
 *
 * @throws {@link Qcow2Error} as {@link parseHeader} does
 */
export async function readHeader(file: Backend, options: ReadHeaderOptions = {}): Promise<Qcow2Header> {
  const first = new Uint8Array(Math.min(file.size, FIRST_READ));
  await file.read(first, 0, options);
  const clusterSize = 2 ** parseClusterBits(file.name, first);
  if (clusterSize <= first.byteLength || file.size <= first.byteLength) {
    return parseHeader(first.subarray(0, clusterSize), file.size, file.name, options);
  }
  const cluster = new Uint8Array(Math.min(file.size, clusterSize));
  cluster.set(first);
  await file.read(cluster.subarray(first.byteLength), first.byteLength, options);
  return parseHeader(cluster, file.size, file.name, options);
}

/**
 * Takes the header cluster apart and checks every field.
 *
 * @param bytes the first cluster of the file, or the whole file where it is shorter
 * @param fileSize size of the file in bytes
 * @param where what to call the image in messages
 * @throws {@link Qcow2Error} `ERR_NOT_THIS_FORMAT`, `ERR_UNSUPPORTED_VERSION`, `ERR_UNKNOWN_FEATURE`,
 *   `ERR_INVALID_HEADER`, `ERR_TRUNCATED`
 */
export function parseHeader(
  bytes: Uint8Array,
  fileSize: number,
  where: string,
  { repair = false }: ReadHeaderOptions = {},
): Qcow2Header {
  const clusterBits = parseClusterBits(where, bytes);
  const clusterSize = 2 ** clusterBits;
  const view = viewOf(bytes);
  const version = view.getUint32(4) === 2 ? 2 : 3;
  const headerLength = version === 2 ? V2_LENGTH : view.getUint32(100);
  if (version === 3 && (headerLength < V3_LENGTH || headerLength > clusterSize || headerLength % 8 !== 0)) {
    const rule = `a multiple of 8 from ${V3_LENGTH} to the cluster size ${clusterSize}`;
    throw ruleError("ERR_INVALID_HEADER", where, "header_length", headerLength, rule);
  }
  if (bytes.byteLength < headerLength) throw truncated(where, bytes.byteLength, headerLength);

  const features = {
    incompatible: version === 2 ? 0n : view.getBigUint64(72),
    compatible: version === 2 ? 0n : view.getBigUint64(80),
    autoclear: version === 2 ? 0n : view.getBigUint64(88),
  };
  const backing = parseBackingRange(where, view, headerLength, clusterSize);
  const extensionsEnd = backing.offset === 0 ? clusterSize : backing.offset;
  let extensions: HeaderExtension[] = [];
  try {
    extensions = parseExtensions(where, bytes, headerLength, extensionsEnd);
  } catch (error) {
    // An unknown feature may have changed what an extension looks like: it is the better reason to give.
    requireSupported(where, features.incompatible, []);
    throw error;
  }
  const names = findExtension(extensions, EXTENSION.featureNames);
  requireSupported(where, features.incompatible, names === undefined ? [] : parseFeatureNames(names));
  if (backing.offset + backing.length > bytes.byteLength) {
    throw truncated(where, bytes.byteLength, backing.offset + backing.length);
  }

  const compressionType = headerLength > V3_LENGTH ? view.getUint8(V3_LENGTH) : 0;
  const header: Qcow2Header = {
    version,
    clusterBits,
    size: exact(where, "size", view, 24),
    l1Size: view.getUint32(36),
    l1TableOffset: exact(where, "l1_table_offset", view, 40),
    refcountTableOffset: exact(where, "refcount_table_offset", view, 48),
    refcountTableClusters: view.getUint32(56),
    snapshotCount: view.getUint32(60),
    snapshotsOffset: exact(where, "snapshots_offset", view, 64),
    features,
    cryptMethod: cryptMethod(where, view),
    refcountOrder: version === 2 ? 4 : view.getUint32(96),
    compressionType: compressionType === 1 ? "zstd" : "zlib",
    headerLength,
    unknownFields: bytes.slice(Math.min(headerLength, V3_LENGTH + 1), headerLength),
    extensions,
    backingFileOffset: backing.offset,
    backingFileName: bytes.slice(backing.offset, backing.offset + backing.length),
  };
  checkHeader(where, header, {
    fileSize,
    compressionType,
    repair,
  });
  return header;
}

/** The numbers that follow from a header. */
export function headerGeometry(header: Qcow2Header): Geometry {
  return geometryOf({ ...header, extendedL2: hasExtendedL2(header) });
}

/** Whether L2 entries tell subclusters apart. */
export function hasExtendedL2(header: Qcow2Header): boolean {
  return (header.features.incompatible & INCOMPATIBLE.extendedL2) !== 0n;
}

/** The name of the backing file, or `undefined` without one. Like QEMU it takes a zero byte for the end of the name. */
export function backingFileName(header: Qcow2Header): string | undefined {
  if (header.backingFileOffset === 0 || header.backingFileName.byteLength === 0) return undefined;
  const end = header.backingFileName.indexOf(0);
  return new TextDecoder().decode(end < 0 ? header.backingFileName : header.backingFileName.subarray(0, end));
}

/** The format of the backing file as the image names it, such as `raw`. */
export function backingFormat(header: Qcow2Header): string | undefined {
  const data = findExtension(header.extensions, EXTENSION.backingFormat);
  return data === undefined ? undefined : new TextDecoder().decode(data);
}

/** Checks magic number, version and length, so that the cluster size can be believed. */
function parseClusterBits(where: string, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  if (bytes.byteLength < 4 || view.getUint32(0) !== MAGIC) {
    const rule = 'begin with "QFI" and 0xfb';
    throw new Qcow2Error("ERR_NOT_THIS_FORMAT", `${where}: not a qcow2 image`, { field: "magic", rule });
  }
  if (bytes.byteLength < 8) throw truncated(where, bytes.byteLength, V2_LENGTH);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw ruleError("ERR_UNSUPPORTED_VERSION", where, "version", version, "2 or 3");
  const length = version === 2 ? V2_LENGTH : V3_LENGTH;
  if (bytes.byteLength < length) throw truncated(where, bytes.byteLength, length);
  const clusterBits = view.getUint32(20);
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
    const rule = `${MIN_CLUSTER_BITS} to ${MAX_CLUSTER_BITS}`;
    throw ruleError("ERR_INVALID_HEADER", where, "cluster_bits", clusterBits, rule);
  }
  return clusterBits;
}

/** Where the name of the backing file stands. Specification: it lies in the first cluster, 1023 bytes at most. */
function parseBackingRange(
  where: string,
  view: DataView,
  headerLength: number,
  clusterSize: number,
): { readonly offset: number; readonly length: number } {
  const offset = readU64(view, 8);
  const length = view.getUint32(16);
  if (offset === 0) return { offset: 0, length: 0 };
  if (offset < headerLength || offset > clusterSize) {
    const rule = `behind the header, in the first cluster (${headerLength} to ${clusterSize})`;
    throw ruleError("ERR_INVALID_HEADER", where, "backing_file_offset", view.getBigUint64(8), rule);
  }
  const most = Math.min(1023, clusterSize - offset);
  if (length > most) throw ruleError("ERR_INVALID_HEADER", where, "backing_file_size", length, `at most ${most}`);
  return { offset, length };
}

function cryptMethod(where: string, view: DataView): 0 | 1 | 2 {
  const value = view.getUint32(32);
  if (value === 0 || value === 1 || value === 2) return value;
  throw ruleError("ERR_INVALID_HEADER", where, "crypt_method", value, "0, 1 or 2");
}

function exact(where: string, field: string, view: DataView, position: number): number {
  const value = readU64(view, position);
  if (Number.isSafeInteger(value)) return value;
  throw ruleError("ERR_INVALID_HEADER", where, field, view.getBigUint64(position), "below 2^53");
}

function truncated(where: string, length: number, needed: number): Qcow2Error {
  return ruleError("ERR_TRUNCATED", where, "length of the file", length, `at least the ${needed} bytes of its header`);
}
