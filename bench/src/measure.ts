/** Nanoseconds per operation of one run. */
export type Timed = () => number | Promise<number>;

/** What several runs of one thing gave. */
export interface Measurement {
  readonly name: string;
  /** Median nanoseconds per operation. */
  readonly nanoseconds: number;
  /** How many times the reference's time this one's is: the median over rounds, so that drift of the machine cancels. */
  readonly ratio: number;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Runs `operations` in one go and returns nanoseconds for each. */
export async function timed(operations: number, run: () => void | Promise<void>): Promise<number> {
  const begin = performance.now();
  await run();
  return ((performance.now() - begin) * 1e6) / operations;
}

/**
 * Runs each thing once per round, in turn, `rounds` times after one round that does not count. The first is the
 * reference of the ratios.
 */
export async function inTurns(rounds: number, things: ReadonlyMap<string, Timed>): Promise<Measurement[]> {
  const times = new Map<string, number[]>();
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of things) {
      globalThis.gc?.();
      const time = await run();
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), time]);
    }
  }
  const [reference = []] = times.values();
  return Array.from(times, ([name, values]) => ({
    name,
    nanoseconds: median(values),
    ratio: median(values.map((value, round) => value / (reference[round] ?? Number.NaN))),
  }));
}
