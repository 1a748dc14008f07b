import { DirtyEntries } from "./dirty-entries.js";
import { Entries, type EntryEvents } from "./entries.js";
import { LruOrder } from "./lru-order.js";
import type { Tally } from "./tally.js";
import type { CacheOptions } from "./types.js";
import { Weights } from "./weights.js";

/** What is in a cache: the entries with their order of use, their weights, and what of them is not durable. */
export class Residents<K, V> {
  readonly entries: Entries<K, V>;
  readonly order: LruOrder;
  readonly dirty: DirtyEntries = new DirtyEntries();
  readonly #name: string;
  readonly #options: CacheOptions<K, V>;
  readonly #tally: Tally;
  readonly #weights: Weights<K, V> | undefined;

  /** @param tooMany called when a lease has ended while there was more in the cache than there should be. */
  constructor(name: string, options: CacheOptions<K, V>, tally: Tally, tooMany: () => void) {
    this.#name = name;
    this.#options = options;
    this.#tally = tally;
    this.#weights = options.weigh && new Weights(options.weigh, options.maxWeight ?? Infinity);
    const events: EntryEvents = {
      unpinned: (slot, stamp) => {
        this.order.unpinned(slot, stamp);
        if (this.entries.overfull) tooMany();
      },
      modified: (slot) => {
        this.dirty.modified(slot);
        this.#weigh(slot);
      },
      renumbered: () => this.order.reset(),
    };
    this.entries = new Entries<K, V>(events, options.limit);
    this.order = new LruOrder(this.entries);
  }

  /** What all entries weigh together. */
  get weight(): number {
    return this.#weights?.total ?? 0;
  }

  /** Whether `count` entries more than there are now are over a limit, or the entries weigh too much. */
  exceed(limit: number, count: number): boolean {
    return this.entries.size + count > limit || (this.#weights?.exceeded ?? false);
  }

  /** Makes a value the entry of a key that has none, and returns its slot. */
  admit(key: K, value: V): number {
    const slot = this.entries.add(key, value);
    this.#weigh(slot);
    return slot;
  }

  /** Puts another value in the place of one that nobody holds. */
  replace(slot: number, value: V): void {
    this.entries.replace(slot, value);
    this.#weigh(slot);
  }

  /** Whether an entry may be dropped with nothing lost. */
  isDroppable(slot: number): boolean {
    const entry = this.dirty.size === 0 ? undefined : this.dirty.get(slot);
    if (!entry) return true;
    return (this.#options.dropUnsynced ?? false) && entry.stored === entry.version && !entry.storing;
  }

  /** Drops an entry to make room. */
  evict(slot: number): void {
    this.#tally.evictions++;
    this.#options.observer?.({ type: "evict", cache: this.#name, key: this.entries.keyAt(slot) });
    this.drop(slot);
  }

  /** Drops an entry, whatever its state. */
  drop(slot: number): void {
    if (this.dirty.size > 0) this.dirty.drop(slot);
    this.#weights?.remove(slot);
    this.entries.remove(slot);
  }

  #weigh(slot: number): void {
    if (!this.#weights) return;
    this.#weights.measure(slot, this.entries.keyAt(slot), this.entries.valueAt(slot));
    if (this.#weights.exceeded) this.entries.overfull = true;
  }
}
