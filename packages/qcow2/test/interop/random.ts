/** The seed of this run: INSTAR_SEED, or one of its own, which the tests print. */
export const seed: number = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;

/** Random numbers that a seed repeats (xorshift). */
export class Random {
  #state: number;

  constructor(from: number) {
    this.#state = (from ^ 0x9e37_79b9) >>> 0 || 1;
  }

  /** An integer from 0 to `end` - 1. */
  below(end: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % end;
  }

  /** One of them. */
  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** Bytes that differ from place to place, so that a misplaced block shows. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const base = 1 + this.below(255);
    for (let index = 0; index < length; index++) bytes[index] = (base + index + (index >>> 9) * 7) & 0xff;
    return bytes;
  }
}
