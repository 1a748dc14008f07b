import { type Backend, extentsOf } from "@instar/backend";
import type { BitmapInfo } from "@instar/qcow2";
import { type CreateOptions, DEFAULT_CLUSTER_SIZE } from "./create-options.js";
import { CliError, UsageError } from "./errors.js";
import type { Image } from "./image.js";
import { roundUp } from "./sizes.js";

/** How much space an image needs, in bytes. */
export interface Measured {
  /** For what the source holds. */
  readonly required: number;
  /** When every byte of it has been written to. */
  readonly fullyAllocated: number;
  /** For the bitmaps of the source; absent where it, or the new image, can have none. */
  readonly bitmaps?: number;
}

/** Bytes of an entry of the L1 and refcount tables, and of an L2 table unless its entries are extended. */
const ENTRY = 8;
/** Bytes of an entry of the bitmap directory, the name aside. */
const DIRECTORY_ENTRY = 24;
/** The longest L1 table that QEMU takes. */
const MAX_L1_TABLE = 33_554_432;

/** What is to be copied. */
export interface MeasuredSource {
  readonly image: Image;
  /** What it shows, or what a snapshot of it does. */
  readonly disk: Backend;
}

/**
 * What a new qcow2 image needs at most. The tables are counted as those of a full image in either case, as
 * `qemu-img measure` does.
 *
 * @param size of the guest disk
 * @param source what is to be copied to it
 * @throws {@link CliError} where clusters are too small for that size
 */
export async function measureQcow2(
  size: number,
  options: CreateOptions,
  source: MeasuredSource | undefined,
  signal: AbortSignal,
): Promise<Measured> {
  const { clusterSize = DEFAULT_CLUSTER_SIZE, refcountBits = 16, compat = "1.1", extendedL2 = false } = options;
  const version = compat === "0.10" || compat === "v2" ? 2 : 3;
  if (version === 2 && refcountBits !== 16) throw new UsageError("refcount_bits other than 16 need compat=1.1");
  const space = roundUp(size, clusterSize);
  const l2Tables = Math.ceil(space / clusterSize / (clusterSize / (extendedL2 ? 2 * ENTRY : ENTRY)));
  if (l2Tables * ENTRY > MAX_L1_TABLE || !Number.isSafeInteger(space)) {
    throw new CliError("The image size is too large (try using a larger cluster size)");
  }
  const fullyAllocated = space + tablesOf(space, l2Tables, clusterSize, refcountBits);
  const full = options.preallocation === "falloc" || options.preallocation === "full";
  const data = full ? space : await dataIn(source?.disk, options, clusterSize, signal);
  const qcow2 = source?.image.qcow2;
  const measured = { required: fullyAllocated - space + data, fullyAllocated };
  if (version === 2 || qcow2?.info().version !== 3) return measured;
  return { ...measured, bitmaps: bitmapsIn(await qcow2.bitmaps.list(), size, clusterSize) };
}

/** Bytes of bitmaps that are full, of their tables and of their directory. */
function bitmapsIn(bitmaps: readonly BitmapInfo[], size: number, clusterSize: number): number {
  let bytes = 0;
  let directory = 0;
  for (const { name, granularity } of bitmaps) {
    const clusters = Math.ceil(Math.ceil(size / granularity / 8) / clusterSize);
    bytes += clusters * clusterSize + roundUp(clusters * ENTRY, clusterSize);
    directory += roundUp(DIRECTORY_ENTRY + Buffer.byteLength(name), ENTRY);
  }
  return bytes + roundUp(directory, clusterSize);
}

/** Header, L1 and L2 tables, refcount table and blocks of a full image. */
function tablesOf(space: number, l2Tables: number, clusterSize: number, refcountBits: number): number {
  const l1Clusters = Math.ceil((l2Tables * ENTRY) / clusterSize);
  const counted = 1 + l2Tables + l1Clusters + space / clusterSize;
  // Refcounts count the clusters that hold refcounts, too.
  let blocks = 0;
  let table = 0;
  for (;;) {
    const blocksNeeded = Math.ceil((counted + table + blocks) / ((clusterSize * 8) / refcountBits));
    const tableNeeded = Math.ceil(blocksNeeded / (clusterSize / ENTRY));
    if (blocksNeeded === blocks && tableNeeded === table) break;
    blocks = blocksNeeded;
    table = tableNeeded;
  }
  return (1 + l2Tables + l1Clusters + blocks + table) * clusterSize;
}

/** Bytes of the clusters that a copy has to allocate. */
async function dataIn(
  disk: Backend | undefined,
  { backingFile }: CreateOptions,
  clusterSize: number,
  signal: AbortSignal,
): Promise<number> {
  if (disk === undefined) return 0;
  // What of it the image below will have already is not known.
  if (backingFile !== undefined) return roundUp(disk.size, clusterSize);
  let bytes = 0;
  let counted = 0;
  for await (const { offset, length, kind } of extentsOf(disk, 0, disk.size, { signal })) {
    if (kind !== "data") continue;
    const begin = Math.max(counted, Math.floor(offset / clusterSize) * clusterSize);
    const end = roundUp(offset + length, clusterSize);
    if (end <= begin) continue;
    bytes += end - begin;
    counted = end;
  }
  return bytes;
}
