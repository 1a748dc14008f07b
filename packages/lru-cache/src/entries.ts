import { CacheError } from "./errors.js";
import { KeyIndex } from "./key-index.js";
import type { Lease } from "./types.js";

/** The power of two that is not less than `count`. */
export function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/** The stamp of a slot that holds no entry; later than every clock. */
const FREE = 0xffff_ffff;

/** What the owner of the entries wants to know. */
export interface EntryEvents {
  /** The last lease has ended on an entry whose stamp is no later than `threshold`, or there are too many entries. */
  unpinned(slot: number, stamp: number): void;
  /** A holder has modified the value in a slot. */
  modified(slot: number): void;
  /** The entries have new stamps, in the same order, with no use behind it; or there are more slots. */
  reordered(): void;
}

/**
 * The resident entries, as a structure of arrays: an entry is a slot number. Per entry this costs its place in
 * the index, a reference, a stamp and a pin count, and no object.
 *
 * The stamp of an entry is the clock at its last acquire, so the entry with the smallest stamp is the least recently
 * used one; who is next in line is worked out by `LruOrder` when room is needed, and a hit just writes its stamp.
 */
export class Entries<K, V> {
  readonly #index = new KeyIndex<K>();
  #values: (V | undefined)[] = [];
  readonly #events: EntryEvents;
  readonly #expected: number;
  /** Slots from here on have never been used. */
  #end = 0;
  /**
   * By slot, the stamp (`FREE` where there is no entry) and behind it the number of leases (in a free slot, the next
   * free slot plus one, or 0). A hit touches both, so they lie side by side.
   */
  #uses = new Uint32Array(0);
  #firstFree = 0;
  #clock: number;
  #clockLimit = FREE - 1;
  #idle = 0;
  #threshold = 0;
  #overfull = false;
  /** `unpinned` is told of stamps up to this one: one comparison is all that it costs a hit. */
  #watched = 0;

  /**
   * @param expected how many entries there will be at most, as a rule: no memory is set aside for more than that.
   * @param clock where stamps begin; for tests of what happens when they run out.
   */
  constructor(events: EntryEvents, expected: number, clock = 0) {
    this.#expected = expected;
    this.#events = events;
    this.#clock = clock;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#index.size;
  }

  /** How many of them nobody holds. */
  get idle(): number {
    return this.#idle;
  }

  /** How many slots there are, used or not. */
  get capacity(): number {
    return this.#uses.length / 2;
  }

  /** The last stamp given. */
  get clock(): number {
    return this.#clock;
  }

  /** The stamp up to which the end of the last lease matters to whoever orders the entries. */
  get threshold(): number {
    return this.#threshold;
  }

  set threshold(stamp: number) {
    this.#threshold = stamp;
    this.#watched = this.#overfull ? FREE : stamp;
  }

  /** Whether there are more entries than there should be, so that the end of every last lease matters. */
  get overfull(): boolean {
    return this.#overfull;
  }

  set overfull(overfull: boolean) {
    this.#overfull = overfull;
    this.#watched = overfull ? FREE : this.#threshold;
  }

  slotOf(key: K): number | undefined {
    return this.#index.get(key);
  }

  keys(): K[] {
    return Array.from(this.slots(), (slot) => this.keyAt(slot));
  }

  /** The slots that hold entries. */
  slots(): Iterable<number> {
    return this.#index.slots();
  }

  keyAt(slot: number): K {
    return this.#index.keyAt(slot);
  }

  valueAt(slot: number): V {
    return this.#values[slot] as V;
  }

  /** The stamp of an entry that nobody holds; infinite for a slot that is pinned or free. */
  idleStamp(slot: number): number {
    const stamp = this.#uses[2 * slot] ?? FREE;
    return stamp === FREE || this.#uses[2 * slot + 1] !== 0 ? Infinity : stamp;
  }

  isPinned(slot: number): boolean {
    return this.#uses[2 * slot + 1] !== 0;
  }

  /** Stamps and pins the entry. */
  pin(slot: number): Lease<K, V> {
    if (this.#clock >= this.#clockLimit) this.#renumber();
    this.#uses[2 * slot] = ++this.#clock;
    if (this.#uses[2 * slot + 1]!++ === 0) this.#idle--;
    return new SlotLease<K, V>(this, slot, this.#values[slot] as V);
  }

  /** Adds an entry for a key that has none; nobody holds it yet. */
  add(key: K, value: V): number {
    const slot = this.#firstFree === 0 ? this.#grow() : this.#firstFree - 1;
    this.#firstFree = this.#uses[2 * slot + 1] ?? 0;
    if (this.#clock >= this.#clockLimit) this.#renumber();
    this.#index.add(key, slot, this.capacity);
    this.#values[slot] = value;
    this.#uses[2 * slot] = ++this.#clock;
    this.#uses[2 * slot + 1] = 0;
    this.#idle++;
    return slot;
  }

  /** Puts another value under the key of a slot. */
  replace(slot: number, value: V): void {
    this.#values[slot] = value;
  }

  /** Removes an entry that nobody holds. */
  remove(slot: number): void {
    this.#index.remove(slot);
    this.#values[slot] = undefined;
    this.#uses[2 * slot] = FREE;
    this.#uses[2 * slot + 1] = this.#firstFree;
    this.#firstFree = slot + 1;
    this.#idle--;
  }

  /** Ends one lease. */
  unpin(slot: number): void {
    if (--this.#uses[2 * slot + 1]! !== 0) return;
    this.#idle++;
    const stamp = this.#uses[2 * slot] ?? FREE;
    if (stamp <= this.#watched) this.#events.unpinned(slot, stamp);
  }

  modified(slot: number): void {
    this.#events.modified(slot);
  }

  /** A new slot at the end. */
  #grow(): number {
    const slot = this.#end++;
    if (slot === this.capacity) this.#resize(slot < this.#expected ? Math.min(2 * slot, this.#expected) : 2 * slot);
    this.#uses[2 * slot + 1] = 0;
    return slot;
  }

  #resize(wanted: number): void {
    const capacity = Math.max(16, wanted);
    const uses = new Uint32Array(2 * capacity).fill(FREE, this.#uses.length);
    uses.set(this.#uses);
    this.#uses = uses;
    this.#values = resized(this.#values, capacity);
    // `LruOrder` packs a stamp and a slot into one double: their product must stay below 2^53.
    this.#clockLimit = Math.min(FREE - 1, 2 ** 53 / powerOfTwo(capacity) - 1);
    this.#events.reordered();
  }

  /** Gives the entries new stamps from 1 on, in the same order. */
  #renumber(): void {
    const slots = Array.from(this.slots());
    slots.sort((a, b) => (this.#uses[2 * a] ?? 0) - (this.#uses[2 * b] ?? 0));
    this.#clock = 0;
    for (const slot of slots) this.#uses[2 * slot] = ++this.#clock;
    this.#events.reordered();
  }
}

/** A copy of just that length: an array that grows by itself sets aside up to half as much again. */
function resized<T>(array: readonly T[], length: number): T[] {
  const copy = new Array<T>(length);
  for (const [index, item] of array.entries()) copy[index] = item;
  return copy;
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
