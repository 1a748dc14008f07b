import { NumberIndex } from "./number-index.js";

/** In the place of a key that is a number, or that is not there. */
const NONE = Symbol("none");

/** Which key has which slot, both ways. Keys are told apart as by a `Map`. */
export class KeyIndex<K> {
  readonly #numbers = new NumberIndex();
  readonly #others = new Map<K, number>();
  /** By slot, the keys that are not numbers; empty as long as there was none. */
  #otherKeys: (K | typeof NONE)[] = [];

  /** How many keys there are. */
  get size(): number {
    return this.#numbers.size + this.#others.size;
  }

  /** The slot of a key; `undefined` where it has none. */
  get(key: K): number | undefined {
    return isNumber(key) ? this.#numbers.get(key) : this.#others.get(key);
  }

  /** The key of a slot that has one. */
  keyAt(slot: number): K {
    const other = slot < this.#otherKeys.length ? this.#otherKeys[slot] : NONE;
    return (other === NONE ? this.#numbers.keyAt(slot) : other) as K;
  }

  /** Adds a key that is not there, for a slot below `capacity`. */
  add(key: K, slot: number, capacity: number): void {
    if (isNumber(key)) return this.#numbers.add(key, slot, capacity);
    this.#others.set(key, slot);
    if (this.#otherKeys.length < capacity) this.#growOthers(capacity);
    this.#otherKeys[slot] = key;
  }

  /** Removes the key of a slot. */
  remove(slot: number): void {
    const key = this.keyAt(slot);
    if (isNumber(key)) return this.#numbers.remove(slot);
    this.#others.delete(key);
    this.#otherKeys[slot] = NONE;
  }

  /** The slots that have keys. */
  *slots(): Generator<number> {
    yield* this.#numbers.slots();
    yield* this.#others.values();
  }

  /** An array that grows by itself sets aside up to half as much again. */
  #growOthers(capacity: number): void {
    const keys = new Array<K | typeof NONE>(capacity).fill(NONE);
    for (const [slot, key] of this.#otherKeys.entries()) keys[slot] = key;
    this.#otherKeys = keys;
  }
}

/** Whether a key belongs to the index of numbers: NaN, which is not equal to itself, does not. */
function isNumber(key: unknown): key is number {
  return typeof key === "number" && key === key;
}
