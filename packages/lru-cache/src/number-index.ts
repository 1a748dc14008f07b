/** So many bits of a key choose among chains that lie side by side; the bits above them choose where. */
const BLOCK_BITS = 6;
/** Fewest chains. */
const LEAST = 128;
/** 2^32 divided by the golden ratio, and another odd number without a pattern. */
const GOLDEN = 0x9e3779b1;
const OTHER = 0x85ebca6b;

/**
 * Finds slots by keys that are numbers (never NaN): chained hashing in typed arrays. Beside a `Map` it takes half of the
 * memory and has nothing that garbage collection looks at; and the chains of keys in a row, which the tables of a disk
 * have, lie side by side, so that going through a disk costs few misses of the processor's caches.
 */
export class NumberIndex {
  /** By hash, the first slot of the chain plus one; 0 where it is empty. */
  #heads = new Int32Array(LEAST);
  /** By slot, the next slot of its chain plus one, or 0. */
  #next = new Int32Array(0);
  /** By slot, its key. */
  #keys = new Float64Array(0);
  #size = 0;
  /** What leaves of a hash of 32 bits as many as there are chains. */
  #shift: number = 32 - Math.log2(LEAST);

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** The slot of a key; `undefined` where it has none. */
  get(key: number): number | undefined {
    for (let link = this.#heads[this.#chain(key)]!; link !== 0; link = this.#next[link - 1]!) {
      if (this.#keys[link - 1] === key) return link - 1;
    }
    return undefined;
  }

  /** The key of a slot that has one. */
  keyAt(slot: number): number {
    return this.#keys[slot]!;
  }

  /** Adds a key that is not there, for a slot below `capacity`. */
  add(key: number, slot: number, capacity: number): void {
    if (this.#keys.length < capacity) this.#lengthen(capacity);
    // Not -0, which a `Map` does not keep either.
    this.#keys[slot] = key + 0;
    this.#size++;
    this.#link(slot);
    if (this.#size * 4 > this.#heads.length * 3) this.#rehash(2 * this.#heads.length);
  }

  /** Removes the key of a slot. */
  remove(slot: number): void {
    const chain = this.#chain(this.#keys[slot]!);
    const after = this.#next[slot]!;
    let link = this.#heads[chain]!;
    if (link === slot + 1) {
      this.#heads[chain] = after;
    } else {
      while (this.#next[link - 1] !== slot + 1) link = this.#next[link - 1]!;
      this.#next[link - 1] = after;
    }
    this.#size--;
    if (this.#size * 16 < this.#heads.length && this.#heads.length > LEAST) this.#rehash(this.#heads.length / 4);
  }

  /** The slots that have keys. */
  *slots(): Generator<number> {
    for (const head of this.#heads) for (let link = head; link !== 0; link = this.#next[link - 1]!) yield link - 1;
  }

  #chain(key: number): number {
    const low = key >>> 0;
    let block = low >>> BLOCK_BITS;
    if (key !== low) block ^= Math.imul(Math.floor(key / 0x1_0000_0000), OTHER);
    return (Math.imul(block, GOLDEN) >>> this.#shift) ^ (low % 2 ** BLOCK_BITS);
  }

  #link(slot: number): void {
    const chain = this.#chain(this.#keys[slot]!);
    this.#next[slot] = this.#heads[chain]!;
    this.#heads[chain] = slot + 1;
  }

  #rehash(length: number): void {
    const slots = Array.from(this.slots());
    this.#heads = new Int32Array(Math.max(LEAST, length));
    this.#shift = 32 - Math.log2(this.#heads.length);
    for (const slot of slots) this.#link(slot);
  }

  #lengthen(capacity: number): void {
    const keys = new Float64Array(capacity);
    keys.set(this.#keys);
    this.#keys = keys;
    const next = new Int32Array(capacity);
    next.set(this.#next);
    this.#next = next;
  }
}
