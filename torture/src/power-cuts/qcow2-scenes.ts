import { type Backend, BackendError, MemoryBackend } from "@instar/backend";
import { BlockCache } from "@instar/block-cache";
import { type CacheLimits, type NewEncryption, Qcow2Image } from "@instar/qcow2";

import { demand } from "../finding.ts";
import { stampSectors } from "../sectors.ts";
import { discard, type Operation, read, resize, sync, write, zero } from "./operations.ts";
import { amendTo, type Form, verifyForm } from "./amend-operations.ts";
import { addBitmap, clearBitmap, removeBitmap, verifyBitmaps } from "./bitmap-operations.ts";
import { commit } from "./commit-operation.ts";
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
  /** Whether guest data is encrypted. */
  readonly encrypted?: boolean;
  /** Whether what is read from the backing image is written into the image. */
  readonly copyOnRead?: boolean;
  /** What is amended now and then. */
  readonly amends?: "version" | "refcounts";
  /** Whether the backing image is an image that loses power too, and is committed to. */
  readonly commits?: boolean;
  /** Whether a block cache stands between the image and the file. */
  readonly cached?: boolean;
}

/** It opens the image, too. */
const ENCRYPTION: NewEncryption = {
  format: "luks",
  passphrase: new TextEncoder().encode("secret"),
  cipher: "aes-128",
  mode: "xts",
  hash: "sha256",
  iterations: 1000,
};

const SECTORS = 700;
const BACKED = 300;

const OPERATIONS: readonly Operation<Qcow2Image>[] = [write, zero, discard, read, sync, check];
const BITMAPS: readonly Operation<Qcow2Image>[] = [addBitmap, clearBitmap, removeBitmap];
const SNAPSHOTS: readonly Operation<Qcow2Image>[] = [createSnapshot, applySnapshot, removeSnapshot, readSnapshot];

/** What is done to an image of this kind. */
function operationsOf(kind: Kind): Operation<Qcow2Image>[] {
  const { gap = 0, filler = 0, refcountBits = 16, version = 3, compressionType, dataFile } = kind;
  const operations = [...OPERATIONS];
  const { encrypted, copyOnRead, amends, commits } = kind;
  const packs = gap === 0 && refcountBits > 1 && !dataFile && !encrypted;
  if (packs) operations.push(writeCompressed);
  if (packs && compressionType === "zstd") operations.push(writeCompressed);
  // Of what they do not hold themselves, snapshots show what the image below has come to hold.
  if (refcountBits > 1 && filler === 0 && !dataFile && !commits) operations.push(...SNAPSHOTS);
  // A snapshot of version 2 does not say how large its disk was.
  if (filler === 0 && version === 3 && amends !== "version" && !commits) operations.push(resize);
  if (filler === 0 && dataFile !== "raw" && !commits) operations.push(makeEmpty);
  if (version === 3 && gap === 0 && amends !== "version") operations.push(...BITMAPS);
  if (commits) operations.push(commit);
  // Where reads write, they are to meet with writes.
  if (copyOnRead) operations.push(read, read, read, read);
  const first = formOf(kind);
  if (amends === "version") operations.push(amendTo(first, ({ random }) => ({ ...first, version: random.of(2, 3) })));
  if (amends === "refcounts") {
    operations.push(amendTo(first, ({ random }) => ({ ...first, refcountBits: random.of(16, 32, 64) })));
  }
  return operations;
}

function formOf({ version = 3, refcountBits = 16 }: Kind): Form {
  return { version, refcountBits };
}

function sceneOf(kind: Kind): Scene<Qcow2Image> {
  const { version = 3, clusterSize, refcountBits = 16, backed = false, gap = 0, filler = 0, punches = false } = kind;
  const shape = { sectors: SECTORS, gap, filler, firstSize: filler > 0 || kind.commits ? SECTORS : SECTORS / 2 };
  const encryption = kind.encrypted ? ENCRYPTION : undefined;
  const backing = async (file: Backend | undefined): Promise<Backend | undefined> => {
    if (kind.commits) return Qcow2Image.open(the(file), { write: true });
    return backed ? await baseDisk() : undefined;
  };
  return {
    ...shape,
    title: `qcow2 ${Object.entries(kind)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    backed: backed ? BACKED : 0,
    files: kind.dataFile || kind.commits ? 2 : 1,
    // QEMU would look for the data file, and want the secret.
    ...(!kind.dataFile && !kind.encrypted && { forQemu: 0 }),
    abilities: { writeZeroes: punches, discard: punches },
    // To derive a key takes longer than all the rest.
    ...(kind.encrypted && { moments: 40 }),
    operations: operationsOf(kind),
    async mend(image, drawn) {
      const { corruptions, checkErrors, leaks, problems } = await image.check({ repair: drawn.of("leaks", "all") });
      const left = corruptions + checkErrors + leaks;
      demand(left === 0, () => `after repair: ${problems.map(({ message }) => message).join("; ")}`);
    },
    async verify(image, ledger) {
      await verifySnapshots(image, { gap, sectors: SECTORS }, ledger);
      await verifyBitmaps(image, { gap, sectors: SECTORS }, ledger);
      verifyForm(image, formOf(kind), ledger);
    },
    async create([file, other], random) {
      if (kind.commits) await makeBase(the(other), clusterSize);
      const place = kind.cached ? new BlockCache(the(file), { blockSize: 1024, bytes: 8192 }) : the(file);
      const image = await Qcow2Image.create(place, {
        version,
        clusterSize,
        refcountBits,
        compressionType: kind.compressionType,
        extendedL2: kind.extendedL2,
        lazyRefcounts: kind.lazyRefcounts,
        preallocation: kind.preallocation,
        dataFile: kind.dataFile && { name: "data", raw: kind.dataFile === "raw", backend: the(other) },
        size: offsetOf(shape, shape.firstSize) + filler,
        backing: backed ? { name: "base", format: "raw" } : undefined,
        backingBackend: await backing(other),
        encryption,
        copyOnRead: kind.copyOnRead,
        caches: random.once(3) ? {} : TINY,
      });
      if (filler > 0) await image.write(new Uint8Array(filler).fill(0xff), offsetOf(shape, SECTORS));
      return image;
    },
    async reopen([file, other]) {
      const { copyOnRead } = kind;
      const dataFile = kind.dataFile && the(other);
      const below = await backing(other);
      return Qcow2Image.open(the(file), { write: true, backing: below, dataFile, encryption, copyOnRead });
    },
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
  if (image.backing instanceof Qcow2Image) await examine(image.backing, leaksAllowed);
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

/** Makes a file a backing image, of which the image will be the owner. */
async function makeBase(file: Backend, clusterSize: number): Promise<void> {
  const image = await Qcow2Image.create(file, { size: SECTORS * 512, clusterSize });
  await image.write(stampSectors(0, BACKED, 1), 0);
  await image.sync();
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
  { clusterSize: 4096, encrypted: true, backed: true },
  { clusterSize: 32_768, copyOnRead: true, backed: true, punches: true },
  { clusterSize: 1024, amends: "version" as const, backed: true },
  { clusterSize: 512, amends: "refcounts" as const, backed: true, punches: true },
  { clusterSize: 1024, commits: true, backed: true },
  { clusterSize: 1024, refcountBits: 32, gap: 30_000_000 - (30_000_000 % 512), punches: true },
].map(sceneOf);
