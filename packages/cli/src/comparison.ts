import { type Backend, extentsOf } from "@instar/backend";
import { exitingWith } from "./errors.js";
import type { Image } from "./image.js";
import { mappingsOf } from "./mapping.js";
import { inParallel } from "./parallel.js";
import { SECTOR } from "./raw-image.js";
import { cut, pairRuns, type Run } from "./runs.js";

/** Where two images differ first, and in what. */
export interface Difference {
  /** Byte offset; of the sector where it is in the content. */
  readonly offset: number;
  readonly what: "content" | "status";
}

/** How to compare. */
export interface Comparison {
  /** Whether what is allocated must be the same, too. */
  readonly strict: boolean;
  readonly signal: AbortSignal;
  /** Is told of bytes that are done. */
  readonly progress: (bytes: number) => void;
}

const CHUNK = 1_048_576;
const PARALLEL = 4;

/** Exit codes of qemu-img for images that cannot be compared to their end. */
const CANNOT_MAP = 3;
const CANNOT_READ = 4;

interface Step extends Run {
  /** Whether the images may hold something else than zeroes here. */
  readonly a: boolean;
  readonly b: boolean;
  /** Whether the images say different things of this run. */
  readonly statusDiffers: boolean;
}

/**
 * Finds the first difference between two images. The shorter one counts as continued with zeroes.
 *
 * @throws {@link CliError} with the exit codes of `qemu-img compare`: 3 where what is allocated cannot be told, 4 where
 * data cannot be read.
 */
export async function firstDifference(a: Image, b: Image, how: Comparison): Promise<Difference | undefined> {
  let first: Difference | undefined;
  await inParallel(steps(a, b, how), PARALLEL, how.signal, () => {
    const left = Buffer.allocUnsafe(CHUNK);
    const right = Buffer.allocUnsafe(CHUNK);
    return async (step, signal) => {
      const found = step.statusDiffers
        ? ({ offset: step.offset, what: "status" } as const)
        : await contentDifference(step, [a.disk, left], [b.disk, right], signal);
      how.progress(step.length);
      // Steps before this one are still under way, and may find an earlier one.
      if (found && (first === undefined || found.offset < first.offset)) first = found;
      return found === undefined;
    };
  });
  return first;
}

async function* steps(a: Image, b: Image, how: Comparison): AsyncGenerator<Step> {
  const runs = pairRuns(describe(a, how), describe(b, how));
  for (;;) {
    const next = await exitingWith(CANNOT_MAP, runs.next());
    if (next.done === true) return;
    const run = next.value;
    const holds = { a: run.a?.mayHoldData ?? false, b: run.b?.mayHoldData ?? false };
    const statusDiffers = run.a?.status !== run.b?.status;
    if (!statusDiffers && !holds.a && !holds.b) how.progress(run.length);
    else for (const part of cut(run, CHUNK)) yield { ...part, ...holds, statusDiffers };
  }
}

interface Described extends Run {
  readonly mayHoldData: boolean;
  /** What a strict comparison wants to be equal. */
  readonly status?: string;
}

async function* describe(image: Image, { strict, signal }: Comparison): AsyncGenerator<Described> {
  const { disk } = image;
  if (!strict) {
    for await (const { offset, length, kind } of extentsOf(disk, 0, disk.size, { signal })) {
      yield { offset, length, mayHoldData: kind === "data" };
    }
    return;
  }
  for await (const { offset, length, present, zero, data } of mappingsOf(image, 0, disk.size, signal)) {
    yield { offset, length, mayHoldData: !zero, status: `${present} ${zero} ${data}` };
  }
}

async function contentDifference(
  step: Step,
  [a, left]: [Backend, Buffer],
  [b, right]: [Backend, Buffer],
  signal: AbortSignal,
): Promise<Difference | undefined> {
  const bytes = left.subarray(0, step.length);
  const others = right.subarray(0, step.length);
  await Promise.all([
    step.a ? exitingWith(CANNOT_READ, a.read(bytes, step.offset, { signal })) : bytes.fill(0),
    step.b ? exitingWith(CANNOT_READ, b.read(others, step.offset, { signal })) : others.fill(0),
  ]);
  if (bytes.equals(others)) return undefined;
  for (const sector of cut({ offset: step.offset, length: step.length }, SECTOR)) {
    const start = sector.offset - step.offset;
    const end = start + sector.length;
    if (bytes.compare(others, start, end, start, end) !== 0) return { offset: sector.offset, what: "content" };
  }
  return undefined;
}
