import { CacheError } from "./errors.js";

/** What the entries weigh, by slot. */
export class Weights<K, V> {
  /** How much they may weigh together. */
  most: number;
  readonly #weigh: (value: V, key: K) => number;
  readonly #weights: number[] = [];
  #total = 0;

  constructor(weigh: (value: V, key: K) => number, most: number) {
    this.#weigh = weigh;
    this.most = most;
  }

  /** What they weigh together. */
  get total(): number {
    return this.#total;
  }

  /** Whether they weigh more than they should. */
  get exceeded(): boolean {
    return this.#total > this.most;
  }

  /** @throws what `weigh` throws; `CacheError` `ERR_ARGUMENT` when it answers with no weight. */
  measure(key: K, value: V): number {
    const weight = this.#weigh(value, key);
    if (weight >= 0 && weight < Infinity) return weight;
    throw new CacheError("ERR_ARGUMENT", `weigh gave ${weight}, but must give a number from 0`, { keys: [key] });
  }

  /** Takes down the weight of the entry in a slot, in the place of what it weighed before. */
  put(slot: number, weight: number): void {
    this.#total += weight - (this.#weights[slot] ?? 0);
    this.#weights[slot] = weight;
  }

  /** The entry in a slot is gone. */
  remove(slot: number): void {
    this.put(slot, 0);
  }
}
