import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "@instar/backend";
import type { Context } from "./command.js";
import { copyDisk } from "./copy.js";
import type { CreateOptions } from "./create-options.js";
import { CliError } from "./errors.js";
import type { TargetFormat } from "./format-names.js";
import { withNewImage } from "./new-image.js";
import { withImage } from "./image.js";
import { openImage } from "./open-image.js";
import { Progress } from "./progress.js";
import { RateLimit } from "./rate-limit.js";
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
  const below =
    options.backingFile === undefined ? undefined : await openTargetBacking(context, to, options, { sparse: true });
  const base = below?.disk;
  const what = { name: to, format, size: source.disk.size, options, base, unsafe: how.unsafe };
  const clusterSize = format === "qcow2" ? (options.clusterSize ?? 65536) : undefined;
  await withNewImage(context, what, (disk) => copy(job, disk, clusterSize, { base, clear: true }));
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
    const isZero = what.isZero && layers.length === 1;
    await copy(job, disk, qcow2?.info().clusterSize, {
      clear: isZero || what.differences,
      ...(what.differences && !isZero && { base: disk }),
    });
    if (!how.unsafe) await disk.sync({ signal: context.signal });
  });
}

async function copy(
  { source, how, context }: Conversion,
  target: Backend,
  clusterSize: number | undefined,
  { base, clear }: { readonly base?: Backend | undefined; readonly clear: boolean },
): Promise<void> {
  const { signal } = context;
  const progress = new Progress(context, how.progress, source.disk.size);
  const wait = async (milliseconds: number): Promise<void> => sleep(milliseconds, undefined, { signal });
  const limit = how.rate > 0 ? new RateLimit(how.rate, () => context.host.now(), wait) : undefined;
  await copyDisk({
    source: source.disk,
    target,
    base,
    targetIsClear: clear,
    // A cluster is the least that a qcow2 image can leave out.
    sparse: roundUp(how.sparse, clusterSize ?? 1),
    parallel: how.parallel,
    ordered: how.ordered,
    signal,
    pace: limit && ((bytes) => limit.pass(bytes)),
    progress: (bytes) => progress.add(bytes),
  });
  await progress.finish();
}
