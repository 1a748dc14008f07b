import { type Backend, BackendError, MemoryBackend } from "@instar/backend";
import { BlockCache } from "@instar/block-cache";
import { type CacheLimits, Qcow2Image } from "@instar/qcow2";

import { demand } from "../finding.ts";
import { stampSectors } from "../sectors.ts";
import { discard, type Operation, read, resize, sync, write, zero } from "./operations.ts";
import { addBitmap, clearBitmap, removeBitmap, verifyBitmaps } from "./bitmap-operations.ts";
import { check, makeEmpty, writeCompressed } from "./qcow2-operations.ts";
import { applySnapshot, createSnapshot, readSnapshot, removeSnapshot, verifySnapshots } from "./snapshot-operations.ts";
import { offsetOf, type Scene } from "./scene.ts";

/** Caches of one slice or so each: everything is evicted all the time. */
const TINY: CacheLimits = { l1Bytes: 1, l2Bytes: 1, refcountTableBytes: 1, refcountBytes: 1 };

/** What tells one kind of image from another. */
interface Kind {
  readonly version?: 2 | 3;
  readonly clusterSize: number;
  readonly refcountBits?: number;
  readonly backed?: boolean;
  readonly gap?: number;
  readonly filler?: number;
  /** Whether the file itself can zero and discard. */
  readonly punches?: boolean;
  readonly compressionType?: "zlib" | "zstd";
  readonly extendedL2?: boolean;
  readonly lazyRefcounts?: boolean;
  readonly preallocation?: "metadata";
  /** Whether guest data has a file of its own, and whether that is a raw disk. */
  readonly dataFile?: "raw" | "mapped";
  /** Whether a block cache stands between the image and the file. */
  readonly cached?: boolean;
}

const SECTORS = 700;
const BACKED = 300;

const OPERATIONS: readonly Operation<Qcow2Image>[] = [write, zero, discard, read, sync, check];
const BITMAPS: readonly Operation<Qcow2Image>[] = [addBitmap, clearBitmap, removeBitmap];
const SNAPSHOTS: readonly Operation<Qcow2Image>[] = [createSnapshot, applySnapshot, removeSnapshot, readSnapshot];

/** What is done to an image of this kind. */
function operationsOf(kind: Kind): Operation<Qcow2Image>[] {
  const { gap = 0, filler = 0, refcountBits = 16, version = 3, compressionType, dataFile } = kind;
  const operations = [...OPERATIONS];
  const packs = gap === 0 && refcountBits > 1 && !dataFile;
  if (packs) operations.push(writeCompressed);
  if (packs && compressionType === "zstd") operations.push(writeCompressed);
  if (refcountBits > 1 && filler === 0 && !dataFile) operations.push(...SNAPSHOTS);
  // A snapshot of version 2 does not say how large its disk was.
  if (filler === 0 && version === 3) operations.push(resize);
  if (filler === 0 && dataFile !== "raw") operations.push(makeEmpty);
  if (version === 3 && gap === 0) operations.push(...BITMAPS);
  return operations;
}

function sceneOf(kind: Kind): Scene<Qcow2Image> {
  const { version = 3, clusterSize, refcountBits = 16, backed = false, gap = 0, filler = 0, punches = false } = kind;
  const backing = async (): Promise<Backend | undefined> => (backed ? await baseDisk() : undefined);
  const shape = { sectors: SECTORS, gap, filler, firstSize: filler > 0 ? SECTORS : SECTORS / 2 };
  return {
    ...shape,
    title: `qcow2 ${Object.entries(kind)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    backed: backed ? BACKED : 0,
    files: kind.dataFile ? 2 : 1,
    // QEMU would look for the data file.
    ...(!kind.dataFile && { forQemu: 0 }),
    abilities: { writeZeroes: punches, discard: punches },
    operations: operationsOf(kind),
    async mend(image, drawn) {
      const { corruptions, checkErrors, leaks, problems } = await image.check({ repair: drawn.of("leaks", "all") });
      const left = corruptions + checkErrors + leaks;
      demand(left === 0, () => `after repair: ${problems.map(({ message }) => message).join("; ")}`);
    },
    async verify(image, ledger) {
      await verifySnapshots(image, { gap, sectors: SECTORS }, ledger);
      await verifyBitmaps(image, { gap, sectors: SECTORS }, ledger);
    },
    async create([file, data], random) {
      const place = kind.cached ? new BlockCache(the(file), { blockSize: 1024, bytes: 8192 }) : the(file);
      const image = await Qcow2Image.create(place, {
        version,
        clusterSize,
        refcountBits,
        compressionType: kind.compressionType,
        extendedL2: kind.extendedL2,
        lazyRefcounts: kind.lazyRefcounts,
        preallocation: kind.preallocation,
        dataFile: kind.dataFile && { name: "data", raw: kind.dataFile === "raw", backend: the(data) },
        size: offsetOf(shape, shape.firstSize) + filler,
        backing: backed ? { name: "base", format: "raw" } : undefined,
        backingBackend: await backing(),
        caches: random.once(3) ? {} : TINY,
      });
      if (filler > 0) await image.write(new Uint8Array(filler).fill(0xff), offsetOf(shape, SECTORS));
      return image;
    },
    reopen: async ([file, dataFile]) => Qcow2Image.open(the(file), { write: true, backing: await backing(), dataFile }),
    examine,
  };
}

async function examine(image: Qcow2Image, leaksAllowed: boolean): Promise<void> {
  const { corruptions, checkErrors, leaks, problems } = await image.check();
  const told = (): string => problems.map(({ message }) => message).join("; ");
  demand(corruptions === 0, () => `corrupt: ${told()}`);
  // What cannot be read while storage fails is an error of that check, and no more.
  if (checkErrors > 0) throw new BackendError("ERR_IO", `the check is incomplete: ${told()}`);
  demand(leaksAllowed || leaks === 0, () => `${leaks} leaks: ${told()}`);
}

function the(file: Backend | undefined): Backend {
  if (!file) throw new Error("a scene has too few files");
  return file;
}

async function baseDisk(): Promise<Backend> {
  const disk = new MemoryBackend();
  await disk.write(stampSectors(0, BACKED, 1), 0);
  return disk;
}

/** Images of all kinds. */
export const qcow2Scenes: readonly Scene<Qcow2Image>[] = [
  { clusterSize: 512, refcountBits: 64 },
  { clusterSize: 4096 },
  { clusterSize: 512, refcountBits: 64, filler: 1_800_000 },
  { clusterSize: 512, backed: true, punches: true },
  { version: 2 as const, clusterSize: 4096, backed: true },
  { clusterSize: 512, gap: 5_000_000 - (5_000_000 % 512) },
  { clusterSize: 2048, refcountBits: 1, backed: true },
  { version: 2 as const, clusterSize: 512, punches: true },
  { clusterSize: 65_536, backed: true },
  { clusterSize: 1024, cached: true },
  { clusterSize: 16_384, extendedL2: true, backed: true },
  { clusterSize: 4096, dataFile: "mapped" as const, backed: true },
  { clusterSize: 16_384, extendedL2: true, punches: true },
  { clusterSize: 1024, dataFile: "raw" as const, punches: true },
  { clusterSize: 1024, lazyRefcounts: true, preallocation: "metadata" as const },
  { clusterSize: 4096, compressionType: "zstd" as const, refcountBits: 8 },
  { clusterSize: 1024, refcountBits: 32, gap: 30_000_000 - (30_000_000 % 512), punches: true },
].map(sceneOf);
