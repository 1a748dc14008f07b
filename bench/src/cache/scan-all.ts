import { Mutex } from "async-mutex";

interface Entry<V> {
  readonly value: V;
  users: number;
  lastUsed: number;
}

/**
 * The algorithm of the model, straightforwardly: one lock for misses, and an eviction that looks at every entry.
 * Dependencies are left out; what is compared is the cost of hits, misses and victims.
 */
export class ScanAllCache<K, V> {
  readonly #limit: number;
  readonly #load: (key: K) => V | Promise<V>;
  readonly #entries = new Map<K, Entry<V>>();
  readonly #lock = new Mutex();
  #timer = 0;

  constructor(limit: number, load: (key: K) => V | Promise<V>) {
    this.#limit = limit;
    this.#load = load;
  }

  tryAcquire(key: K): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    entry.lastUsed = this.#timer++;
    entry.users++;
    return entry;
  }

  async acquire(key: K): Promise<Entry<V>> {
    return this.tryAcquire(key) ?? this.#lock.runExclusive(() => this.#miss(key));
  }

  release(entry: Entry<V>): void {
    entry.users--;
  }

  async #miss(key: K): Promise<Entry<V>> {
    const there = this.tryAcquire(key);
    if (there) return there;
    while (this.#entries.size >= this.#limit) this.#entries.delete(this.#victim());
    const entry: Entry<V> = { value: await this.#load(key), users: 1, lastUsed: this.#timer++ };
    this.#entries.set(key, entry);
    return entry;
  }

  #victim(): K {
    let oldest: { readonly key: K; readonly age: number } | undefined;
    for (const [key, entry] of this.#entries) {
      const age = this.#timer - entry.lastUsed;
      if (entry.users === 0 && (!oldest || age > oldest.age)) oldest = { key, age };
    }
    if (!oldest) throw new Error("everything is in use");
    return oldest.key;
  }
}
