import type { Want } from "./want.js";

/** One caller's read: resolves when all its pieces are there, rejects with the first failure. */
export class ReadCall {
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #withdraw: (want: Want) => void;
  /** Pieces that are still to come. Nearly always there is one, and few at the most. */
  #pending: Want[] = [];
  readonly #aborted: (() => void) | undefined;

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
    if (!signal) return;
    this.#aborted = () => this.fail(signal.reason);
    signal.addEventListener("abort", this.#aborted);
  }

  /** Counts on one more piece. */
  add(want: Want): void {
    this.#pending.push(want);
  }

  /** A piece has been filled. */
  complete(want: Want): void {
    const index = this.#pending.indexOf(want);
    if (index < 0) return;
    this.#pending.splice(index, 1);
    if (this.#pending.length > 0) return;
    this.#deafen();
    this.#resolve();
  }

  /** Ends the read. Its targets are left alone from now on. */
  fail(reason: unknown): void {
    if (this.#pending.length === 0) return;
    this.#deafen();
    const unwanted = this.#pending;
    this.#pending = [];
    this.#reject(reason);
    for (const want of unwanted) this.#withdraw(want);
  }

  #deafen(): void {
    if (this.#aborted) this.#signal?.removeEventListener("abort", this.#aborted);
  }
}
