/** Where a schedule takes its decisions from: the same choices make the same schedule. */
export interface Choices {
  /** One of `0 .. count - 1`. */
  pick(count: number): number;
  /** Whether something happens that happens once in `count` times. */
  oneIn(count: number): boolean;
}

/** Choices that only depend on a seed (the generator called mulberry32). */
export class SeededChoices implements Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  pick(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  }

  oneIn(count: number): boolean {
    return this.pick(count) === count - 1;
  }
}

/** Choices from a list, then always the first; for fast-check, which makes lists shorter and smaller. */
export class ListedChoices implements Choices {
  readonly #list: readonly number[];
  #next = 0;

  constructor(list: readonly number[]) {
    this.#list = list;
  }

  /** Whether there are choices left. */
  get left(): boolean {
    return this.#next < this.#list.length;
  }

  pick(count: number): number {
    return (this.#list[this.#next++] ?? 0) % count;
  }

  oneIn(count: number): boolean {
    return this.pick(count) === count - 1;
  }
}
