import type { Extent } from "@instar/backend";
import { roundUp } from "./sizes.js";

/** A run of bytes. */
export interface Run {
  readonly offset: number;
  readonly length: number;
}

/** A run on which two sequences of runs stay the same; where one has ended, its side is `undefined`. */
export interface PairedRun<A, B> extends Run {
  readonly a: A | undefined;
  readonly b: B | undefined;
}

/** Lays two sequences of runs side by side. Each begins at 0 and has no gaps. */
export async function* pairRuns<A extends Run, B extends Run>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
): AsyncGenerator<PairedRun<A, B>> {
  const lefts = left[Symbol.asyncIterator]();
  const rights = right[Symbol.asyncIterator]();
  try {
    let a = await following(lefts);
    let b = await following(rights);
    let offset = 0;
    while (a || b) {
      const end = Math.min(endOf(a), endOf(b));
      if (end > offset) yield { offset, length: end - offset, a, b };
      offset = end;
      if (endOf(a) === end) a = await following(lefts);
      if (endOf(b) === end) b = await following(rights);
    }
  } finally {
    await lefts.return?.();
    await rights.return?.();
  }
}

async function following<T>(runs: AsyncIterator<T>): Promise<T | undefined> {
  const next = await runs.next();
  return next.done === true ? undefined : next.value;
}

function endOf(run: Run | undefined): number {
  return run === undefined ? Infinity : run.offset + run.length;
}

/** Cuts a run at the multiples of `unit`. */
export function* cut(run: Run, unit: number): Generator<Run> {
  const end = run.offset + run.length;
  for (let offset = run.offset; offset < end;) {
    const next = Math.min(end, (Math.floor(offset / unit) + 1) * unit);
    yield { offset, length: next - offset };
    offset = next;
  }
}

/** A run that may hold something else than zeroes, or holds nothing else. */
export interface WidenedRun extends Run {
  readonly holdsData: boolean;
}

/**
 * Extents that begin at 0 and have no gaps, up to `end`, with those that hold data widened to multiples of `unit`; what
 * touches is joined.
 */
export async function* widened(extents: AsyncIterable<Extent>, unit: number, end: number): AsyncGenerator<WidenedRun> {
  let [begin, stop] = [0, 0];
  for await (const { offset, length, kind } of extents) {
    if (kind !== "data") continue;
    const first = Math.max(stop, Math.floor(offset / unit) * unit);
    if (first > stop) {
      if (stop > begin) yield { offset: begin, length: stop - begin, holdsData: true };
      yield { offset: stop, length: first - stop, holdsData: false };
      begin = first;
    }
    stop = Math.max(stop, Math.min(end, roundUp(offset + length, unit)));
  }
  if (stop > begin) yield { offset: begin, length: stop - begin, holdsData: true };
  if (end > stop) yield { offset: stop, length: end - stop, holdsData: false };
}
