import type { Want } from "./want.js";

/** One caller's read: resolves when all its pieces are there, rejects with the first failure. */
export class ReadCall {
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #withdraw: (want: Want) => void;
  /** Pieces that are still to come. */
  readonly #pending = new Set<Want>();
  readonly #aborted = (): void => this.fail(this.#signal?.reason);

  /** `withdraw` is called for each piece that is not wanted any more. */
  constructor(
    resolve: () => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
    withdraw: (want: Want) => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#withdraw = withdraw;
    signal?.addEventListener("abort", this.#aborted);
  }

  /** Counts on one more piece. */
  add(want: Want): void {
    this.#pending.add(want);
  }

  /** A piece has been filled. */
  complete(want: Want): void {
    if (!this.#pending.delete(want) || this.#pending.size > 0) return;
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#resolve();
  }

  /** Ends the read. Its targets are left alone from now on. */
  fail(reason: unknown): void {
    if (this.#pending.size === 0) return;
    this.#signal?.removeEventListener("abort", this.#aborted);
    const unwanted = [...this.#pending];
    this.#pending.clear();
    this.#reject(reason);
    for (const want of unwanted) this.#withdraw(want);
  }
}
