import { Finding } from "../finding.ts";
import type { Random } from "../random.ts";

/** How long nothing may move: what waits for other threads (zlib) moves sooner. */
const STUCK_MS = 10_000;

/**
 * Decides in which order requests to storage go on: each waits for its turn, and when nothing else can happen, one of
 * those that wait is drawn. The same seed makes the same order.
 */
export class Turns {
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Waits for a turn. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  /** Gives turns until `work` has ended and nobody waits. A finding where it never would. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => void (ended = true);
    work.then(end, end);
    let stuckSince: number | undefined;
    for (;;) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (this.#waiting.length > 0) {
        stuckSince = undefined;
        for (let count = 1 + this.#random.below(2); count > 0 && this.#waiting.length > 0; count--) this.#giveTurn();
        continue;
      }
      if (ended) return work;
      stuckSince ??= performance.now();
      if (performance.now() - stuckSince > STUCK_MS) throw new Finding("requests wait for each other for ever");
    }
  }

  #giveTurn(): void {
    const index = this.#random.below(this.#waiting.length);
    const last = this.#waiting.pop();
    const drawn = index < this.#waiting.length ? this.#waiting[index] : last;
    if (last && drawn !== last) this.#waiting[index] = last;
    drawn?.();
  }
}
