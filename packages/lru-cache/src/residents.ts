import { DirtyEntries } from "./dirty-entries.js";
import { Entries, type EntryEvents } from "./entries.js";
import { IdleSweep } from "./idle-sweep.js";
import { LruOrder } from "./lru-order.js";
import type { Tally } from "./tally.js";
import type { CacheOptions } from "./types.js";
import { Weights } from "./weights.js";

/** What is in a cache: the entries with their order of use, their weights, and what of them is not durable. */
export class Residents<K, V> {
  readonly entries: Entries<K, V>;
  readonly order: LruOrder;
  readonly idle: IdleSweep;
  readonly dirty: DirtyEntries = new DirtyEntries();
  readonly weights: Weights<K, V> | undefined;
  readonly #name: string;
  readonly #options: CacheOptions<K, V>;
  readonly #tally: Tally;

  /** @param tooMany called when a lease has ended while there was more in the cache than there should be. */
  constructor(name: string, options: CacheOptions<K, V>, tally: Tally, tooMany: () => void) {
    this.#name = name;
    this.#options = options;
    this.#tally = tally;
    this.weights = options.weigh && new Weights(options.weigh, options.maxWeight ?? Infinity);
    const events: EntryEvents = {
      unpinned: (slot, stamp) => {
        this.order.unpinned(slot, stamp);
        if (this.entries.overfull) tooMany();
      },
      modified: (slot) => {
        this.dirty.modified(slot);
        if (this.weights) this.#put(slot, this.#measure(this.entries.keyAt(slot), this.entries.valueAt(slot)));
      },
      reordered: () => {
        this.order.reset();
        this.idle.reset();
      },
    };
    this.entries = new Entries<K, V>(events, options.limit);
    this.order = new LruOrder(this.entries);
    this.idle = new IdleSweep(this.entries);
  }

  /** Whether `count` entries more than there are now are over a limit, or the entries weigh too much. */
  exceed(limit: number, count: number): boolean {
    return this.entries.size + count > limit || (this.weights?.exceeded ?? false);
  }

  /** Makes a value the entry of a key that has none, and returns its slot. */
  admit(key: K, value: V, dirty: boolean): number {
    const weight = this.#measure(key, value);
    const slot = this.entries.add(key, value);
    this.#put(slot, weight);
    if (dirty) this.dirty.modified(slot);
    return slot;
  }

  /** Puts another value in the place of one that nobody holds. */
  replace(slot: number, value: V, dirty: boolean): void {
    const weight = this.#measure(this.entries.keyAt(slot), value);
    this.entries.replace(slot, value);
    this.#put(slot, weight);
    if (dirty) this.dirty.modified(slot);
  }

  /** Whether an entry may be dropped with nothing lost. */
  isDroppable(slot: number): boolean {
    const entry = this.dirty.size === 0 ? undefined : this.dirty.get(slot);
    if (!entry) return true;
    return (this.#options.dropUnsynced ?? false) && entry.stored === entry.version && !entry.storing;
  }

  /** Drops an entry that may be dropped, and says so. */
  evict(slot: number): void {
    const key = this.entries.keyAt(slot);
    this.drop(slot);
    this.#tally.evictions++;
    this.#options.observer?.({ type: "evict", cache: this.#name, key });
  }

  /** Drops an entry, whatever its state. */
  drop(slot: number): void {
    if (this.dirty.size > 0) this.dirty.drop(slot);
    this.weights?.remove(slot);
    this.entries.remove(slot);
  }

  #measure(key: K, value: V): number {
    return this.weights ? this.weights.measure(key, value) : 0;
  }

  #put(slot: number, weight: number): void {
    if (!this.weights) return;
    this.weights.put(slot, weight);
    if (this.weights.exceeded) this.entries.overfull = true;
  }
}
