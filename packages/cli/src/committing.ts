import { type Backend, extentsOf, zeroRange } from "@instar/backend";
import type { Image } from "./image.js";
import { mappingsOf } from "./mapping.js";
import { inParallel } from "./parallel.js";
import { cut, pairRuns, type Run } from "./runs.js";

/** What to write from images into the one below them. */
export interface CommitJob {
  /** The uppermost image, over an {@link EndlessDisk} in the place of the base. */
  readonly top: Image;
  /** How many images stand over the base. */
  readonly depth: number;
  /** What is written to; it becomes as large as `top` at least. */
  readonly base: Backend;
  /** Whether `top` is to be empty afterwards. */
  readonly empties: boolean;
  readonly signal: AbortSignal;
  /** Resolves when so many bytes of data may be written. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
  /** Is told of bytes that are done. */
  readonly progress: (bytes: number) => void;
}

const CHUNK = 2_097_152;
const PARALLEL = 8;

/** A part of the disk that does not come from the base. */
interface Step extends Run {
  readonly zero: boolean;
}

/**
 * Writes to the base what the images over it have of their own, durably. Through them everything shows as before at any
 * moment, so that this may stop anywhere.
 */
export async function commitDown(job: CommitJob): Promise<void> {
  const { top, base, signal } = job;
  if (base.size < top.disk.size) await base.truncate(top.disk.size, { signal });
  await writeDown(job);
  // Before anything is taken from the images over it.
  await base.sync({ signal });
  if (job.empties) await top.qcow2?.makeEmpty();
}

async function writeDown(job: CommitJob): Promise<void> {
  await inParallel(steps(job), PARALLEL, job.signal, () => {
    const buffer = Buffer.allocUnsafe(CHUNK);
    return async ({ offset, length, zero }, signal) => {
      if (zero) await zeroRange(job.base, offset, length, { signal });
      else {
        const bytes = buffer.subarray(0, length);
        await job.top.disk.read(bytes, offset, { signal });
        await job.pace?.(length);
        await job.base.write(bytes, offset, { signal });
      }
      job.progress(length);
      return true;
    };
  });
}

async function* steps({ top, depth, base, signal, progress }: CommitJob): AsyncGenerator<Step> {
  const own = mappingsOf(top, 0, top.disk.size, signal);
  const below = extentsOf(base, 0, top.disk.size, { signal });
  for await (const { offset, length, a, b } of pairRuns(own, below)) {
    // Behind the end of an image between, nothing of the base shows.
    const fromBase = a?.depth === depth && a.present;
    const alike = a?.zero === true && b?.kind !== "data";
    if (fromBase || alike) progress(length);
    else if (a?.zero) yield { offset, length, zero: true };
    else for (const part of cut({ offset, length }, CHUNK)) yield { ...part, zero: false };
  }
}
