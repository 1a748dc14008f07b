import type { Backend } from "@instar/backend";
import type { Qcow2Image } from "@instar/qcow2";
import type { Context } from "./command.js";
import { requireCompressibleImage } from "./compressible.js";
import { bitmapsToCopy, copyBitmaps, requireBitmaps } from "./copy-bitmaps.js";
import { copyDisk, type CopyTarget } from "./copy.js";
import { chunkOf } from "./copy-chunk.js";
import { type CreateOptions, DEFAULT_CLUSTER_SIZE } from "./create-options.js";
import { CliError } from "./errors.js";
import type { TargetFormat } from "./format-names.js";
import { type FormattedFile, withNewImage } from "./new-image.js";
import { withImage } from "./image.js";
import { openImage } from "./open-image.js";
import { Progress } from "./progress.js";
import { rateLimit } from "./rate-limit.js";
import { roundUp } from "./sizes.js";
import type { Source } from "./sources.js";
import { openTargetBacking, refuseToOverwrite } from "./target-backing.js";

/** How to copy. */
export interface HowToCopy {
  /** Zeroes are left out in units of so many bytes; 0: everything is written. */
  readonly sparse: number;
  /** How many requests may be under way. */
  readonly parallel: number;
  readonly ordered: boolean;
  /** Not to wait for storage at the end. */
  readonly unsafe: boolean;
  /** Bytes in a second; 0: as fast as can be. */
  readonly rate: number;
  readonly progress: boolean;
  /** Whether clusters are written compressed. */
  readonly compress: boolean;
  /** Which dirty bitmaps of the source to copy; `sound` leaves out those that were not stored. */
  readonly bitmaps: "none" | "all" | "sound";
}

/** What to copy, and to where. */
export interface Conversion {
  readonly source: Source;
  /** The name of the target. */
  readonly to: string;
  readonly how: HowToCopy;
  readonly context: Context;
}

/** Copies into an image that is made. */
export async function convertIntoNew(job: Conversion, format: TargetFormat, options: CreateOptions): Promise<void> {
  const { source, to, context, how } = job;
  await checkBitmaps(job, format === "qcow2" && options.compat !== "0.10" && options.compat !== "v2");
  const below =
    options.backingFile === undefined ? undefined : await openTargetBacking(context, to, options, { sparse: true });
  const base = below?.disk;
  const what = { name: to, format, size: source.disk.size, options, base, unsafe: how.unsafe };
  // What nobody has written to an encrypted disk is noise.
  const unit = format === "qcow2" ? (options.clusterSize ?? DEFAULT_CLUSTER_SIZE) : undefined;
  await withNewImage(context, what, (image) => copy(job, image, { base, unit, clear: format !== "luks" }));
}

/** What is known of an image that is there. */
export interface ExistingTarget {
  /** Its format; absent where it is described. */
  readonly format: TargetFormat | undefined;
  /** Its name is a description by options. */
  readonly described: boolean;
  /** It reads as zeroes. */
  readonly isZero: boolean;
  /** To write only what it does not show already. */
  readonly differences: boolean;
}

/** Copies into an image that is there. */
export async function convertIntoExisting(job: Conversion, what: ExistingTarget): Promise<void> {
  const { source, to, context, how } = job;
  const target = await openImage(context, to, {
    format: what.format,
    described: what.described,
    write: true,
    sparse: true,
  });
  await withImage(target, async ({ disk, layers, qcow2 }) => {
    refuseToOverwrite(target, source.images);
    if (disk.size < source.disk.size) {
      throw new CliError(
        `output file is smaller than input file: '${to}' has ${disk.size} bytes, ${source.name} ${source.disk.size}`,
      );
    }
    await checkBitmaps(job, qcow2?.info().version === 3);
    const isZero = what.isZero && layers.length === 1;
    await copy(job, Promise.resolve({ disk, qcow2 }), {
      unit: qcow2?.info().clusterSize,
      clear: isZero || what.differences,
      ...(what.differences && !isZero && { base: disk }),
    });
    if (!how.unsafe) await disk.sync({ signal: context.signal });
  });
}

/** Refuses, before anything is copied, bitmaps that cannot be. */
async function checkBitmaps({ source, how }: Conversion, isSupported: boolean): Promise<void> {
  if (how.bitmaps === "none") return;
  await bitmapsToCopy(source.images[0], how.bitmaps === "sound");
  requireBitmaps(isSupported);
}

/** What is known of a target before it is there. */
interface TargetFacts {
  readonly base?: Backend | undefined;
  /** Bytes of a cluster, the least that a qcow2 image can leave out. */
  readonly unit: number | undefined;
  /** What is not written to it reads as zeroes, or as its base. */
  readonly clear: boolean;
}

async function copy(
  { source, how, context }: Conversion,
  target: Promise<FormattedFile>,
  { base, unit, clear }: TargetFacts,
): Promise<void> {
  const { signal } = context;
  const progress = new Progress(context, how.progress, source.disk.size);
  const limit = rateLimit(how.rate, context);
  await copyDisk({
    source: source.disk,
    target: target.then(({ disk, qcow2 }) => ({
      disk,
      writeData: how.compress ? compressing(qcow2, !how.ordered) : undefined,
    })),
    base,
    targetIsClear: clear,
    sparse: roundUp(how.sparse, unit ?? 1),
    unit,
    chunk: chunkOf(source.images),
    parallel: how.parallel,
    ordered: how.ordered,
    signal,
    pace: limit && ((bytes) => limit.pass(bytes)),
    progress: (bytes) => progress.add(bytes),
  });
  const { qcow2 } = await target;
  // After everything else: an enabled one would record what is copied.
  if (how.bitmaps !== "none" && qcow2) await copyBitmaps(source.images[0], qcow2, how.bitmaps === "sound", context);
  await progress.finish();
}

function compressing(qcow2: Qcow2Image | undefined, unordered: boolean): CopyTarget["writeData"] {
  requireCompressibleImage(qcow2);
  const { clusterSize } = qcow2.info();
  return async (bytes, offset, signal) => {
    // Where the source ends within a cluster of a target that goes on, the rest of that cluster stays.
    const isWhole = bytes.byteLength % clusterSize === 0 || offset + bytes.byteLength === qcow2.size;
    const whole = isWhole ? bytes.byteLength : Math.floor(bytes.byteLength / clusterSize) * clusterSize;
    await qcow2.writeCompressed(bytes.subarray(0, whole), offset, { unordered, signal });
    if (whole < bytes.byteLength) await qcow2.write(bytes.subarray(whole), offset + whole, { signal });
  };
}
