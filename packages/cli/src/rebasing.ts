import { type Backend, extentsOf, zeroRange } from "@instar/backend";
import { fill, pieces } from "./copy-pieces.js";
import type { Image } from "./image.js";
import { mappingsOf } from "./mapping.js";
import { inParallel } from "./parallel.js";
import { cut, pairRuns, type Run } from "./runs.js";

/** How to keep what an image shows. */
export interface Keeping {
  /** Of the image; the least that it can have of its own. */
  readonly clusterSize: number;
  readonly signal: AbortSignal;
  /** Is told of bytes that are done. */
  readonly progress: (bytes: number) => void;
}

const CHUNK = 2_097_152;
const PARALLEL = 8;

/** A part of the disk that the image takes from below. */
interface Step extends Run {
  /** Whether the image, or the disk that is to be below it, may hold something else than zeroes here. */
  readonly shown: boolean;
  readonly below: boolean;
}

/**
 * Writes to an image what it takes from below and would not find in another disk below it, so that it shows the same
 * over either. What it shows never changes, so that this may stop at any moment. Does not sync.
 *
 * @param image over an {@link EndlessDisk}, or it could not record zeroes behind the end of what is below
 * @param below an {@link EndlessDisk} of what is to be below it
 */
export async function keepContent(image: Image, below: Backend, how: Keeping): Promise<void> {
  const rules = { base: below, targetIsClear: true, sparse: how.clusterSize };
  await inParallel(steps(image, below, how), PARALLEL, how.signal, () => {
    const shown = Buffer.allocUnsafe(CHUNK);
    const other = Buffer.allocUnsafe(CHUNK);
    return async (step, signal) => {
      const [bytes, old] = [shown.subarray(0, step.length), other.subarray(0, step.length)];
      await Promise.all([
        fill(bytes, step.shown ? image.disk : undefined, step.offset, signal),
        fill(old, step.below ? below : undefined, step.offset, signal),
      ]);
      for (const { offset, length, kind } of pieces(rules, step, bytes, old)) {
        const start = offset - step.offset;
        if (kind === "zero") await zeroRange(image.disk, offset, length, { signal });
        else await image.disk.write(bytes.subarray(start, start + length), offset, { signal });
      }
      how.progress(step.length);
      return true;
    };
  });
}

async function* steps(image: Image, below: Backend, how: Keeping): AsyncGenerator<Step> {
  const { disk } = image;
  const { signal, progress } = how;
  const others = extentsOf(below, 0, disk.size, { signal });
  for await (const run of pairRuns(mappingsOf(image, 0, disk.size, signal), others)) {
    const own = run.a?.depth === 0 && run.a.present;
    const needed = { shown: run.a?.zero === false, below: run.b?.kind === "data" };
    if (own || (!needed.shown && !needed.below)) progress(run.length);
    else for (const part of cut(run, CHUNK)) yield { ...part, ...needed };
  }
}
