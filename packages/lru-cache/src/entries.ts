import { CacheError } from "./errors.js";
import type { Lease } from "./types.js";

/** The stamp of a slot that holds no entry; later than every clock. */
const FREE = 0xffff_ffff;

/** What the owner of the entries wants to know. */
export interface EntryEvents {
  /** The last lease on a slot has ended. */
  unpinned(slot: number, stamp: number): void;
  /** A holder has modified the value in a slot. */
  modified(slot: number): void;
  /** The entries have new stamps, in the same order, with no acquire behind it. */
  renumbered(): void;
}

/**
 * The resident entries, as a structure of arrays: an entry is a slot number. Per entry this costs a map entry, two
 * references, a stamp and a pin count, and no object.
 *
 * The stamp of an entry is the clock at its last acquire, so the entry with the smallest stamp is the least recently
 * used one; who is next in line is worked out by `LruOrder` when room is needed, and a hit just writes its stamp.
 */
export class Entries<K, V> {
  readonly #slots = new Map<K, number>();
  readonly #keys: (K | undefined)[] = [];
  readonly #values: (V | undefined)[] = [];
  readonly #events: EntryEvents;
  /** Clock of the last acquire by slot; `FREE` where there is no entry. */
  stamps: Uint32Array = new Uint32Array(0);
  /** Leases by slot; in a free slot, the next free slot or -1. */
  #pins = new Int32Array(0);
  #firstFree = -1;
  #clock: number;
  #clockLimit = FREE - 1;
  #idle = 0;
  #additions = 0;

  /** @param clock where stamps begin; for tests of what happens when they run out. */
  constructor(events: EntryEvents, clock = 0) {
    this.#events = events;
    this.#clock = clock;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#slots.size;
  }

  /** Grows with every entry that is added. */
  get additions(): number {
    return this.#additions;
  }

  /** How many of them nobody holds. */
  get idle(): number {
    return this.#idle;
  }

  /** Slots in use lie below this one. */
  get slotEnd(): number {
    return this.#keys.length;
  }

  /** The last stamp given. */
  get clock(): number {
    return this.#clock;
  }

  slotOf(key: K): number | undefined {
    return this.#slots.get(key);
  }

  keys(): MapIterator<K> {
    return this.#slots.keys();
  }

  keyAt(slot: number): K {
    return this.#keys[slot] as K;
  }

  valueAt(slot: number): V {
    return this.#values[slot] as V;
  }

  isPinned(slot: number): boolean {
    return (this.#pins[slot] ?? 0) > 0;
  }

  /** Stamps and pins the entry. */
  pin(slot: number): Lease<K, V> {
    if (this.#clock >= this.#clockLimit) this.#renumber();
    this.stamps[slot] = ++this.#clock;
    if (this.#pins[slot]!++ === 0) this.#idle--;
    return new SlotLease<K, V>(this, slot, this.#values[slot] as V);
  }

  /** Adds an entry for a key that has none; nobody holds it yet. */
  add(key: K, value: V): number {
    let slot = this.#firstFree;
    if (slot === -1) slot = this.#grow();
    else this.#firstFree = this.#pins[slot] ?? -1;
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#pins[slot] = 0;
    this.#idle++;
    if (this.#clock >= this.#clockLimit) this.#renumber();
    this.stamps[slot] = ++this.#clock;
    this.#slots.set(key, slot);
    this.#additions++;
    return slot;
  }

  /** Puts another value under the key of a slot. */
  replace(slot: number, value: V): void {
    this.#values[slot] = value;
  }

  /** Removes an entry that nobody holds. */
  remove(slot: number): void {
    this.#slots.delete(this.#keys[slot] as K);
    this.#keys[slot] = undefined;
    this.#values[slot] = undefined;
    this.stamps[slot] = FREE;
    this.#pins[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.#idle--;
  }

  /** Ends one lease. */
  unpin(slot: number): void {
    if (--this.#pins[slot]! > 0) return;
    this.#idle++;
    this.#events.unpinned(slot, this.stamps[slot] ?? FREE);
  }

  modified(slot: number): void {
    this.#events.modified(slot);
  }

  #grow(): number {
    const slot = this.#keys.length;
    if (slot === this.stamps.length) {
      const capacity = Math.max(16, slot * 2);
      const stamps = new Uint32Array(capacity).fill(FREE, slot);
      stamps.set(this.stamps);
      this.stamps = stamps;
      const pins = new Int32Array(capacity);
      pins.set(this.#pins);
      this.#pins = pins;
      // `LruOrder` packs a stamp and a slot into one double: their product must stay below 2^53.
      this.#clockLimit = Math.min(FREE - 1, 2 ** 53 / capacity - 1);
    }
    return slot;
  }

  /** Gives the entries new stamps from 1 on, in the same order. */
  #renumber(): void {
    const slots = Array.from(this.#slots.values());
    slots.sort((a, b) => (this.stamps[a] ?? 0) - (this.stamps[b] ?? 0));
    this.#clock = 0;
    for (const slot of slots) this.stamps[slot] = ++this.#clock;
    this.#events.renumbered();
  }
}

class SlotLease<K, V> implements Lease<K, V> {
  readonly value: V;
  readonly #entries: Entries<K, V>;
  /** -1 after the release. */
  #slot: number;

  constructor(entries: Entries<K, V>, slot: number, value: V) {
    this.value = value;
    this.#entries = entries;
    this.#slot = slot;
  }

  get key(): K {
    return this.#entries.keyAt(this.#held("key"));
  }

  markDirty(): void {
    this.#entries.modified(this.#held("markDirty"));
  }

  release(): void {
    const slot = this.#slot;
    if (slot === -1) return;
    this.#slot = -1;
    this.#entries.unpin(slot);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #held(use: string): number {
    if (this.#slot === -1) throw new CacheError("ERR_RELEASED", `${use} of a lease that has been released`);
    return this.#slot;
  }
}
