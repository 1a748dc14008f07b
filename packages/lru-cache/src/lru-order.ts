import { type Entries, powerOfTwo } from "./entries.js";

/** What ordering needs of the entries. */
type StampedEntries = Pick<Entries<unknown, unknown>, "idle" | "capacity" | "clock" | "idleStamp" | "threshold">;

/** Up to this many idle entries are ordered at once. */
const WHOLE = 4096;
/** Of more than that, about one in so many. */
const FRACTION = 8;
/** How many stamps estimate where that fraction ends. */
const SAMPLES = 512;

/**
 * Who is least recently used, exactly, without work on a hit.
 *
 * `#line` holds the idle entries whose stamps were no later than the threshold when it was made, oldest first. Stamps
 * only grow, and what was hit or added since is later than the threshold, so the first of the line whose stamp has not
 * changed is the oldest idle entry of all. An entry that was pinned when its turn came returns through `#returned`.
 * When both are used up, one pass over the stamps makes the next line: constant time per eviction, amortised.
 */
export class LruOrder {
  readonly #entries: StampedEntries;
  /** `stamp * #scale + slot`, ascending. */
  #line = new Float64Array(0);
  #next = 0;
  #scale = 1;
  /** Entries the line has passed by while they were pinned, oldest last; few. */
  readonly #returned: { readonly slot: number; readonly stamp: number }[] = [];

  constructor(entries: StampedEntries) {
    this.#entries = entries;
  }

  /** Tells of an entry whose last lease has ended. */
  unpinned(slot: number, stamp: number): void {
    if (stamp > this.#entries.threshold) return;
    let at = this.#returned.length;
    while (at > 0 && (this.#returned[at - 1]?.stamp ?? 0) < stamp) at--;
    this.#returned.splice(at, 0, { slot, stamp });
  }

  /** Forgets everything: stamps have been given anew. */
  reset(): void {
    this.#line = new Float64Array(0);
    this.#next = 0;
    this.#entries.threshold = 0;
    this.#returned.length = 0;
  }

  /** The slot of the least recently used idle entry, or -1 when everything is pinned. */
  oldest(): number {
    if (this.#entries.idle === 0) return -1;
    for (;;) {
      const inLine = this.#firstInLine();
      const back = this.#firstReturned();
      if (inLine === -1 && back === -1) {
        this.#lineUp();
        continue;
      }
      if (back === -1) return inLine;
      if (inLine === -1) return back;
      return this.#entries.idleStamp(inLine) < this.#entries.idleStamp(back) ? inLine : back;
    }
  }

  /** The oldest idle entry, and some that come after it, `most` at the most. */
  *oldestFew(most: number): Generator<number> {
    const first = this.oldest();
    if (first === -1) return;
    yield first;
    let left = most - 1;
    for (let at = this.#next; at < this.#line.length && left > 0; at++) {
      const slot = this.#idleAt(at);
      if (slot === -1 || slot === first) continue;
      left--;
      yield slot;
    }
  }

  #firstInLine(): number {
    for (; this.#next < this.#line.length; this.#next++) {
      const slot = this.#idleAt(this.#next);
      if (slot !== -1) return slot;
    }
    return -1;
  }

  /** The slot at a place in the line, or -1 when it was hit or removed since, or is pinned. */
  #idleAt(at: number): number {
    const packed = this.#line[at] ?? 0;
    // Exact, since the scale is a power of two; `%` of doubles would be many times slower.
    const stamp = Math.floor(packed / this.#scale);
    const slot = packed - stamp * this.#scale;
    return this.#entries.idleStamp(slot) === stamp ? slot : -1;
  }

  #firstReturned(): number {
    for (;;) {
      const last = this.#returned.at(-1);
      if (last === undefined) return -1;
      if (this.#entries.idleStamp(last.slot) === last.stamp) return last.slot;
      this.#returned.pop();
    }
  }

  #lineUp(): void {
    const { idle, capacity } = this.#entries;
    const last = idle <= WHOLE ? this.#entries.clock : this.#estimate(Math.ceil(idle / FRACTION));
    this.#scale = powerOfTwo(capacity);
    const line = new Float64Array(idle);
    let count = 0;
    for (let slot = 0; slot < capacity; slot++) {
      const stamp = this.#entries.idleStamp(slot);
      if (stamp <= last) line[count++] = stamp * this.#scale + slot;
    }
    this.#line = count < idle / 2 ? line.slice(0, count) : line.subarray(0, count);
    this.#line.sort();
    this.#next = 0;
    this.#entries.threshold = last;
    this.#returned.length = 0;
  }

  /** A stamp that about `wanted` idle entries are no later than, and at least one. */
  #estimate(wanted: number): number {
    const { idle, capacity } = this.#entries;
    const step = Math.max(1, Math.floor(capacity / SAMPLES));
    const sample: number[] = [];
    for (let slot = 0; slot < capacity; slot += step) {
      const stamp = this.#entries.idleStamp(slot);
      if (stamp !== Infinity) sample.push(stamp);
    }
    sample.sort((a, b) => a - b);
    return sample[Math.floor((sample.length * wanted) / idle)] ?? this.#entries.clock;
  }
}
