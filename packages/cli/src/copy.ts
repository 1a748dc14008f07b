import { type Backend, extentsOf, zeroRange } from "@instar/backend";
import { fill, type PieceRules, pieces } from "./copy-pieces.js";
import { inParallel } from "./parallel.js";
import { cut, pairRuns, type Run, widened } from "./runs.js";
import { roundUp } from "./sizes.js";

/** What to copy to. */
export interface CopyTarget {
  readonly disk: Backend;
  /** Writes data to it; its `write` where absent. */
  readonly writeData?: ((source: Uint8Array, offset: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** What to copy, and how. Sizes in bytes. */
export interface CopyJob extends PieceRules {
  readonly source: Backend;
  /** May still be in the making: reading goes ahead, and the first write waits for it. */
  readonly target: CopyTarget | Promise<CopyTarget>;
  /** Writes begin and end at multiples of this, as far as the disks go. Defaults to what the source tells of itself. */
  readonly unit?: number | undefined;
  /** How much is read, and written, at once. */
  readonly chunk: number;
  /** How many chunks may be under way at once. */
  readonly parallel: number;
  /** Whether writes begin in the order of their offsets. */
  readonly ordered: boolean;
  readonly signal: AbortSignal;
  /** Resolves when so many bytes of data may be written. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
  /** Is told of bytes that are done. */
  readonly progress: (bytes: number) => void;
}

/** A part of the work of one worker. */
interface Step extends Run {
  /** Whether the source, or the base, may hold something else than zeroes here. */
  readonly source: boolean;
  readonly base: boolean;
  /** Resolves when the writes before this step have begun. */
  readonly turn: Promise<void>;
  /** To be called when the writes of this step have begun. */
  readonly begun: () => void;
}

/** Copies what the source shows to the target, which is at least as large. Does not sync. */
export async function copyDisk(job: CopyJob): Promise<void> {
  const chunk = roundUp(job.chunk, job.sparse || job.unit || 1);
  const target = Promise.resolve(job.target);
  // Where the source fails first, that is what is told.
  target.catch(() => {});
  await inParallel(steps(job, chunk), job.parallel, job.signal, () => {
    const buffer = Buffer.allocUnsafe(chunk);
    const below = Buffer.allocUnsafe(job.base ? chunk : 0);
    return async (step, signal) => {
      try {
        const bytes = buffer.subarray(0, step.length);
        const old = below.subarray(0, job.base ? step.length : 0);
        await Promise.all([
          fill(bytes, step.source ? job.source : undefined, step.offset, signal),
          fill(old, step.base ? job.base : undefined, step.offset, signal),
        ]);
        const found = [...pieces(job, step, bytes, old)];
        const { disk, writeData } = await target;
        if (job.ordered) await step.turn;
        await job.pace?.(found.reduce((sum, { kind, length }) => sum + (kind === "data" ? length : 0), 0));
        const writes = found.map(({ offset, length, kind }) => {
          if (kind === "zero") return zeroRange(disk, offset, length, { signal });
          const data = bytes.subarray(offset - step.offset, offset - step.offset + length);
          return writeData ? writeData(data, offset, signal) : disk.write(data, offset, { signal });
        });
        step.begun();
        await Promise.all(writes);
      } finally {
        // Also after a failure: nobody is to wait for a turn that never comes.
        step.begun();
      }
      job.progress(step.length);
      return true;
    };
  });
  await target;
}

/** Everything that needs to be looked at, in order. What need not be is told to `progress` at once. */
async function* steps(job: CopyJob, chunk: number): AsyncGenerator<Step> {
  const { source, base, signal } = job;
  const unit = job.unit ?? 1;
  const sources = widened(extentsOf(source, 0, source.size, { signal }), unit, source.size);
  const known = base ? Math.min(base.size, source.size) : 0;
  const bases = widened(extentsOf(base ?? source, 0, known, { signal }), unit, known);
  let turn = Promise.resolve();
  for await (const run of pairRuns(sources, bases)) {
    const needed = { source: run.a?.holdsData ?? false, base: run.b?.holdsData ?? false };
    if (!needed.source && !needed.base && job.targetIsClear && job.sparse > 0) {
      job.progress(run.length);
      continue;
    }
    for (const part of cut(run, chunk)) {
      const before = turn;
      let begun = (): void => {};
      turn = new Promise((resolve) => (begun = resolve));
      yield { ...part, ...needed, turn: before, begun };
    }
  }
}
