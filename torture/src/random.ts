/** Random numbers that a seed repeats. */
export class Random {
  #state: number;

  /** @param parts - numbers that make the seed, each of which matters */
  constructor(...parts: readonly number[]) {
    this.#state = 0;
    for (const part of parts) this.#state = mixed((this.#state ^ part) >>> 0);
  }

  /** An integer from 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    return mixed(this.#state) % end;
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of them. */
  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** One of a list that is not empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** One of a list, as often as its weight says. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T {
    let left = this.below(choices.reduce((sum, { weight }) => sum + weight, 0));
    return choices.find(({ weight }) => (left -= weight) < 0) ?? (choices[0] as T);
  }
}

function mixed(number: number): number {
  let hash = number;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0_aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a_2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}
