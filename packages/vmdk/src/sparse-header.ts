import type { Backend } from "@instar/backend";

import { readView, SECTOR, sectorsAt } from "./bytes.js";
import { ruleError } from "./rule-error.js";

/** The header of a sparse extent. Offsets and sizes are bytes. */
export interface SparseHeader {
  /** Guest bytes of the extent. */
  readonly capacity: number;
  readonly grainSize: number;
  /** 0 where the file has no descriptor: it is one extent of a disk then. */
  readonly descriptorOffset: number;
  readonly descriptorSize: number;
  /** Entries of a grain table. */
  readonly tableEntries: number;
  readonly directoryOffset: number;
  /** Grains are zlib streams, each behind a marker. */
  readonly compressed: boolean;
  /** A grain table entry of 1 stands for a grain of zeroes. */
  readonly zeroedGrains: boolean;
}

/** The magic number of sparse extents, "KDMV". */
export const SPARSE_MAGIC = 0x4b444d56;
const LENGTH = 512;
/** The grain directory is told by a footer. */
const DIRECTORY_AT_END = 0xffffffff;
const MAX_GRAIN = 2 ** 21 * SECTOR;
/** A compressed grain is unpacked in memory: 64 KiB everywhere, and never much more. */
const MAX_COMPRESSED_GRAIN = 2 ** 20;
const MAX_TABLE_ENTRIES = 512;
const FLAG = { newLines: 1, zeroedGrains: 4, compressed: 0x10000, markers: 0x20000 } as const;
const MARKER_FOOTER = 3;

/**
 * Reads and checks the header of a sparse extent, or the footer that stands in for it.
 *
 * @throws {@link ImageError} `ERR_NOT_THIS_FORMAT`, `ERR_UNSUPPORTED_VERSION`, `ERR_UNSUPPORTED_FEATURE`, `ERR_INVALID_HEADER`,
 *   `ERR_CORRUPT`, `ERR_TRUNCATED`
 */
export async function readSparseHeader(file: Backend, signal: AbortSignal | undefined): Promise<SparseHeader> {
  const where = file.name;
  if (file.size < LENGTH) {
    throw ruleError("ERR_TRUNCATED", where, "size of the file", file.size, `be ${LENGTH} at least, for a header`);
  }
  const first = await readView(file, 0, LENGTH, signal);
  const atEnd = first.getUint32(56, true) === DIRECTORY_AT_END && first.getUint32(60, true) === DIRECTORY_AT_END;
  const header = parse(where, atEnd ? await readFooter(file, signal) : first);
  const directoryEnd = header.directoryOffset + directoryEntries(header) * 4;
  if (directoryEnd > file.size) {
    const rule = `be ${directoryEnd} at least, where the grain directory ends`;
    throw ruleError("ERR_TRUNCATED", where, "size of the file", file.size, rule);
  }
  return header;
}

/** How many entries the grain directory has: one for each grain table. */
function directoryEntries({ capacity, grainSize, tableEntries }: SparseHeader): number {
  return Math.ceil(capacity / (grainSize * tableEntries));
}

/** A stream ends in three sectors: the marker of the footer, the footer, and the marker of the end. */
async function readFooter(file: Backend, signal: AbortSignal | undefined): Promise<DataView> {
  const where = file.name;
  if (file.size < 4 * SECTOR) {
    throw ruleError("ERR_TRUNCATED", where, "size of the file", file.size, `be ${4 * SECTOR} at least, for a footer`);
  }
  const start = Math.floor(file.size / SECTOR) * SECTOR - 3 * SECTOR;
  const view = await readView(file, start, 3 * SECTOR, signal);
  const size = view.getUint32(8, true);
  const type = view.getUint32(12, true);
  if (size !== 0 || type !== MARKER_FOOTER) {
    const rule = `be ${MARKER_FOOTER}: the file has been cut off, or something stands behind its footer`;
    throw ruleError("ERR_CORRUPT", where, "marker of the footer", type, rule);
  }
  return new DataView(view.buffer, SECTOR, LENGTH);
}

function parse(where: string, view: DataView): SparseHeader {
  const u32 = (position: number): number => view.getUint32(position, true);
  if (view.getUint32(0) !== SPARSE_MAGIC) {
    throw ruleError("ERR_NOT_THIS_FORMAT", where, "magic number", view.getUint32(0), 'be "KDMV"');
  }
  const version = u32(4);
  if (version < 1 || version > 3) throw ruleError("ERR_UNSUPPORTED_VERSION", where, "version", version, "be 1 to 3");
  const flags = u32(8);
  if ((flags & FLAG.newLines) !== 0 && view.getUint32(73) !== 0x0a200d0a) {
    const rule = "be 0x0a200d0a: a transfer as text has damaged the file";
    throw ruleError("ERR_CORRUPT", where, "line end detection", view.getUint32(73), rule);
  }
  const algorithm = view.getUint16(77, true);
  if (algorithm > 1) {
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "compressAlgorithm", algorithm, "be 0 (none) or 1 (deflate)");
  }
  const compressed = algorithm === 1;
  if (compressed && (flags & FLAG.markers) === 0) {
    const rule = "have bit 17: compressed grains without markers are not supported";
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "flags", flags, rule);
  }
  const grainSize = sectorsAt(where, "grainSize", view, 20);
  const most = compressed ? MAX_COMPRESSED_GRAIN : MAX_GRAIN;
  if (grainSize < SECTOR || grainSize > most || !Number.isInteger(Math.log2(grainSize))) {
    const rule = `be a power of two from 1 to ${most / SECTOR} sectors`;
    throw ruleError("ERR_INVALID_HEADER", where, "grainSize", grainSize / SECTOR, rule);
  }
  const tableEntries = u32(44);
  if (tableEntries < 1 || tableEntries > MAX_TABLE_ENTRIES) {
    throw ruleError("ERR_INVALID_HEADER", where, "numGTEsPerGT", tableEntries, `be 1 to ${MAX_TABLE_ENTRIES}`);
  }
  return {
    capacity: sectorsAt(where, "capacity", view, 12),
    grainSize,
    descriptorOffset: sectorsAt(where, "descriptorOffset", view, 28),
    descriptorSize: sectorsAt(where, "descriptorSize", view, 36),
    tableEntries,
    directoryOffset: sectorsAt(where, "gdOffset", view, 56),
    compressed,
    zeroedGrains: (flags & FLAG.zeroedGrains) !== 0,
  };
}
