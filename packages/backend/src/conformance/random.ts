/** A source of random numbers that a seed determines. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The next 32 random bits (the mixing function of SplitMix32). */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return this.bits() % Math.max(1, limit);
  }

  /** One of the elements. */
  pick<T>(elements: readonly T[]): T | undefined {
    return elements[this.below(elements.length)];
  }
}

/** Bytes that differ from one position to the next and are never 0, so that zeroes and shifts show. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const random = new Random(seed);
  for (let at = 0; at < length; at++) bytes[at] = 1 + (random.bits() % 255);
  return bytes;
}
