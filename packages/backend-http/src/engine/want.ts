import { put } from "./put.js";

/** Who waits for a piece. */
export interface Waiter {
  /** All of it has been filled. */
  complete(want: Want): void;
  /** It will not come. */
  fail(reason: unknown): void;
}

/** What a piece can be taken back from. */
export interface Carrier {
  /** Nobody waits for this piece any more. */
  withdraw(want: Want): void;
}

/** A piece of a read: a range that somebody waits for, and where its bytes go. */
export class Want {
  readonly start: number;
  /** First byte behind it. */
  readonly end: number;
  /** What serves it; `undefined` while it waits. */
  carrier: Carrier | undefined;
  /** Whether it waits for a request. */
  waiting = false;
  readonly #target: Uint8Array;
  readonly #waiter: Waiter;

  constructor(waiter: Waiter, target: Uint8Array, start: number) {
    this.#waiter = waiter;
    this.#target = target;
    this.start = start;
    this.end = start + target.byteLength;
  }

  /** Takes what the chunk, whose first byte is at `position`, holds of this range from `from` on. */
  take(chunk: Uint8Array, position: number, from: number): void {
    const begin = Math.max(from, this.start);
    const end = Math.min(position + chunk.byteLength, this.end);
    if (begin >= end) return;
    const whole = begin === position && end === position + chunk.byteLength;
    put(this.#target, begin - this.start, whole ? chunk : chunk.subarray(begin - position, end - position));
  }

  /** Where the bytes from `position` to `end` go. */
  room(position: number, end: number): Uint8Array {
    return this.#target.subarray(position - this.start, end - this.start);
  }

  /** All of it has been filled. */
  complete(): void {
    this.#waiter.complete(this);
  }

  /** It will not come. */
  fail(reason: unknown): void {
    this.#waiter.fail(reason);
  }
}
