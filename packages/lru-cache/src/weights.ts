/** What the entries weigh, by slot. */
export class Weights<K, V> {
  readonly #weigh: (value: V, key: K) => number;
  readonly #most: number;
  readonly #weights: number[] = [];
  #total = 0;

  constructor(weigh: (value: V, key: K) => number, most: number) {
    this.#weigh = weigh;
    this.#most = most;
  }

  /** What they weigh together. */
  get total(): number {
    return this.#total;
  }

  /** Whether they weigh more than they should. */
  get exceeded(): boolean {
    return this.#total > this.#most;
  }

  /** Weighs the entry in a slot, again if it has been weighed before. */
  measure(slot: number, key: K, value: V): void {
    const weight = this.#weigh(value, key);
    this.#total += weight - (this.#weights[slot] ?? 0);
    this.#weights[slot] = weight;
  }

  /** The entry in a slot is gone. */
  remove(slot: number): void {
    this.#total -= this.#weights[slot] ?? 0;
    this.#weights[slot] = 0;
  }
}
