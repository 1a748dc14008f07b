import type { Backend, CallOptions } from "@instar/backend";
import { ImageError } from "@instar/image-format";

import { readView } from "./bytes.js";
import { type Descriptor, type ExtentLine, isDescriptor, MAX_DESCRIPTOR, parseDescriptor } from "./descriptor.js";
import { ruleError } from "./rule-error.js";
import { type DiskExtent, FlatExtent, ZeroExtent } from "./extent.js";
import { type ReferenceGate, References } from "./references.js";
import { SparseExtent } from "./sparse-extent.js";
import { readSparseHeader, SPARSE_MAGIC } from "./sparse-header.js";

/** How to open an image. */
export interface VmdkOpenOptions extends CallOptions {
  /**
   * The parent, instead of what the image names: what the guest would see in it. `"ignore"` opens none, and what only
   * the parent has reads as zeroes.
   */
  readonly backing?: Backend | "ignore" | undefined;
  /** Opens what the image names: extents and a parent. By default nothing is opened, and such an image is refused. */
  readonly openReferenced?: ReferenceGate | undefined;
  /** How many images of the chain stand above this one; defaults to 0. Gates pass on what they are told. */
  readonly depth?: number | undefined;
  /** Bytes of the grain tables to keep in memory; defaults to 1 MiB, which serves 16 GiB of disk. */
  readonly cacheBytes?: number | undefined;
}

/** What opening finds. */
export interface OpenedParts {
  readonly descriptor: Descriptor;
  readonly extents: readonly DiskExtent[];
}

/** The magic number of the sparse extents of old ESX servers, "COWD". */
const COWD_MAGIC = 0x434f5744;
const CACHE_BYTES = 1024 * 1024;
/** Kinds of disks that a descriptor of its own tells of. */
const LISTED: readonly string[] = ["monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "vmfs"];
/** Enough of a file to tell a descriptor by. */
const PROBED = 2048;

/** Whether the file begins as a sparse extent, or as a descriptor. */
export async function probeVmdk(file: Backend, options?: CallOptions): Promise<boolean> {
  return (await kindOf(file, options?.signal)) !== undefined;
}

/** Reads headers and descriptor, and opens the extents. Where it fails, what it has opened is closed again. */
export async function readParts(file: Backend, options: VmdkOpenOptions): Promise<OpenedParts> {
  const { cacheBytes = CACHE_BYTES, signal } = options;
  const where = file.name;
  if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0) {
    throw ruleError("ERR_INVALID_OPTION", where, "cacheBytes", cacheBytes, "be an integer from 0");
  }
  const kind = await kindOf(file, signal);
  if (kind === undefined) {
    const rule = 'begin with "KDMV", or be a descriptor with a version';
    throw new ImageError("vmdk", "ERR_NOT_THIS_FORMAT", `${where}: not a VMDK image`, { field: "magic number", rule });
  }
  if (kind === "cowd") {
    const rule = 'be "KDMV": the sparse extents of old ESX servers are not supported';
    throw ruleError("ERR_UNSUPPORTED_FEATURE", where, "magic number", "COWD", rule);
  }
  const references = new References(where, options);
  if (kind === "descriptor")
    return openListed(file, await readDescriptor(file, 0, file.size, signal), references, cacheBytes, signal);
  const header = await readSparseHeader(file, signal);
  if (header.descriptorOffset === 0 || header.descriptorSize === 0) {
    const rule = "be there: without one, the file is an extent of a disk that another file describes";
    throw ruleError("ERR_INVALID_HEADER", where, "descriptorOffset", header.descriptorOffset, rule);
  }
  const descriptor = await readDescriptor(file, header.descriptorOffset, header.descriptorSize, signal);
  // Where it holds nothing itself, it is there for its descriptor.
  if (header.capacity === 0 && descriptor.extents.length > 0) {
    return openListed(file, descriptor, references, cacheBytes, signal);
  }
  return { descriptor, extents: [new SparseExtent(file, header, cacheBytes)] };
}

/** Closes the files of extents, but for the one that holds the descriptor. */
export async function closeExtents(file: Backend, extents: readonly DiskExtent[]): Promise<void> {
  for (const extent of extents) if (extent.file !== file) await extent.file?.close();
}

async function kindOf(
  file: Backend,
  signal: AbortSignal | undefined,
): Promise<"sparse" | "cowd" | "descriptor" | undefined> {
  if (file.size < 4) return undefined;
  const view = await readView(file, 0, Math.min(file.size, PROBED), signal);
  if (view.getUint32(0) === SPARSE_MAGIC) return "sparse";
  if (view.getUint32(0) === COWD_MAGIC) return "cowd";
  return isDescriptor(new Uint8Array(view.buffer)) ? "descriptor" : undefined;
}

async function readDescriptor(
  file: Backend,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  if (length > MAX_DESCRIPTOR) {
    throw ruleError("ERR_INVALID_HEADER", file.name, "size of the descriptor", length, `be ${MAX_DESCRIPTOR} at most`);
  }
  if (offset + length > file.size) {
    const rule = `be ${offset + length} at least, where the descriptor ends`;
    throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
  }
  const view = await readView(file, offset, length, signal);
  return parseDescriptor(file.name, new Uint8Array(view.buffer));
}

async function openListed(
  file: Backend,
  descriptor: Descriptor,
  references: References,
  cacheBytes: number,
  signal: AbortSignal | undefined,
): Promise<OpenedParts> {
  const { createType, extents: lines } = descriptor;
  if (!LISTED.includes(createType)) {
    throw ruleError("ERR_UNSUPPORTED_FEATURE", file.name, "createType", createType, `be one of ${LISTED.join(", ")}`);
  }
  if (lines.length === 0) throw ruleError("ERR_INVALID_HEADER", file.name, "extents", 0, "be one at least");
  const extents: DiskExtent[] = [];
  try {
    for (const line of lines) {
      if (line.type === "ZERO") {
        extents.push(new ZeroExtent(line.size));
        continue;
      }
      const opened = await references.extent(line.name);
      try {
        if (line.type === "FLAT") {
          extents.push(new FlatExtent(opened, line.offset, line.size));
          continue;
        }
        const header = await sparseHeaderOf(opened, line, signal);
        extents.push(new SparseExtent(opened, header, cacheBytes / lines.length));
      } catch (error) {
        await opened.close();
        throw error;
      }
    }
  } catch (error) {
    await closeExtents(file, extents);
    throw error;
  }
  return { descriptor, extents };
}

async function sparseHeaderOf(
  file: Backend,
  line: ExtentLine,
  signal: AbortSignal | undefined,
): ReturnType<typeof readSparseHeader> {
  const header = await readSparseHeader(file, signal);
  if (header.capacity === line.size) return header;
  const rule = `be ${line.size}, which the descriptor tells of the extent`;
  throw ruleError("ERR_CORRUPT", file.name, "capacity", header.capacity, rule);
}
