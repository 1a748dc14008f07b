import type { Clock } from "@instar/backend-http/engine";

/**
 * What time it is, as the store sees it: signatures are good for a quarter of an hour. Told by a clock of the wall that
 * was handed in, or by the `Date` of an answer and the time that has passed since.
 */
export class StoreTime {
  readonly #clock: Clock;
  readonly #now: (() => number) | undefined;
  /** What to add to the clock; `undefined` while nothing is known. */
  #offset: number | undefined;

  constructor(clock: Clock, now: (() => number) | undefined) {
    this.#clock = clock;
    this.#now = now;
    this.#offset = now && 0;
  }

  /** Milliseconds since 1970; `undefined` while nothing is known. */
  now(): number | undefined {
    return this.#offset === undefined ? undefined : this.#base() + this.#offset;
  }

  /** Takes over the `Date` of an answer. `false` when there is none, or it is about what was known already. */
  learn(date: string | undefined): boolean {
    const told = Date.parse(date ?? "");
    if (Number.isNaN(told)) return false;
    const known = this.now();
    this.#offset = told - this.#base();
    return known === undefined || Math.abs(known - told) > 60_000;
  }

  #base(): number {
    return this.#now?.() ?? this.#clock.now();
  }
}
