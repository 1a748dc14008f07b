import { type Entries, powerOfTwo } from "./entries.js";
import { StampHeap } from "./stamp-heap.js";

/** What ordering needs of the entries. */
type StampedEntries = Pick<
  Entries<unknown, unknown>,
  "size" | "idle" | "capacity" | "clock" | "slots" | "idleStamp" | "threshold"
>;

/** Up to this many idle entries are ordered at once. */
const WHOLE = 4096;
/** Of more than that, about one in so many. */
const FRACTION = 4;
/** How many stamps estimate where that fraction ends. */
const SAMPLES = 512;
/** With fewer idle entries than one in so many, looking for them takes longer than hearing of them. */
const RARE = 16;
/** From one in so many on, they are not rare any more. */
const COMMON = 4;
/** Below so many entries there is no difference. */
const MANY = 1024;

/**
 * Who is least recently used, exactly, without work on a hit.
 *
 * `#line` holds the idle entries whose stamps were no later than the threshold when it was made, oldest first. Stamps
 * only grow, and what was hit or added since is later than the threshold, so the first of the line whose stamp has not
 * changed is the oldest idle entry of all. An entry that was pinned when its turn came returns through `#returned`.
 * When both are used up, one pass over the stamps makes the next line: constant time per eviction, amortised.
 *
 * Where nearly everything is pinned such a pass finds too little to be worth it. Then the threshold is put so high that
 * every end of a last lease is told, and `#returned` has all idle entries that are not in line.
 */
export class LruOrder {
  readonly #entries: StampedEntries;
  /** `stamp * #scale + slot`, ascending, from `#next` to `#end`. */
  #line = new Float64Array(0);
  #next = 0;
  #end = 0;
  #scale = 1;
  /** Like the line, entries that have been unpinned since it was made and are no later than the threshold. */
  readonly #returned = new StampHeap();
  /** Whether idle entries are rare. */
  #rare = false;

  constructor(entries: StampedEntries) {
    this.#entries = entries;
  }

  /** Tells of an entry whose last lease has ended. */
  unpinned(slot: number, stamp: number): void {
    const { threshold, idle, size } = this.#entries;
    if (stamp > threshold) return;
    if (this.#rare && idle * COMMON > size) return this.reset();
    if (this.#returned.size > 2 * idle + MANY) this.#returned.retain((packed) => this.#idleSlot(packed) !== -1);
    this.#returned.push(stamp * this.#scale + slot);
  }

  /** Forgets everything: there are new stamps, or more slots. */
  reset(): void {
    this.#next = 0;
    this.#end = 0;
    this.#returned.clear();
    this.#rare = false;
    this.#entries.threshold = 0;
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

  /** The oldest idle entry, and some that come soon after it, `most` at the most. */
  *oldestFew(most: number): Generator<number> {
    const first = this.oldest();
    if (first === -1) return;
    yield first;
    let left = most - 1;
    for (let at = this.#next; at < this.#end && left > 0; at++) {
      const slot = this.#idleSlot(this.#line[at] ?? 0);
      if (slot === -1 || slot === first) continue;
      left--;
      yield slot;
    }
  }

  #firstInLine(): number {
    for (; this.#next < this.#end; this.#next++) {
      const slot = this.#idleSlot(this.#line[this.#next] ?? 0);
      if (slot !== -1) return slot;
    }
    return -1;
  }

  #firstReturned(): number {
    for (;;) {
      const first = this.#returned.first;
      if (first === undefined) return -1;
      const slot = this.#idleSlot(first);
      if (slot !== -1) return slot;
      this.#returned.pop();
    }
  }

  /** The slot of a packed entry, or -1 when it was hit or removed since, or is pinned. */
  #idleSlot(packed: number): number {
    // Exact, since the scale is a power of two; `%` of doubles would be many times slower.
    const stamp = Math.floor(packed / this.#scale);
    const slot = packed - stamp * this.#scale;
    return this.#entries.idleStamp(slot) === stamp ? slot : -1;
  }

  #lineUp(): void {
    const { idle, size, capacity, clock } = this.#entries;
    const sparse = size * COMMON < capacity;
    this.#rare = size >= MANY && idle * RARE < size;
    const whole = this.#rare || sparse || idle <= WHOLE;
    const last = whole ? clock : this.#estimate(Math.ceil(idle / FRACTION));
    this.#scale = powerOfTwo(capacity);
    this.#makeLength(whole ? idle : Math.ceil((2 * idle) / FRACTION));
    this.#gather(last, sparse ? this.#entries.slots() : undefined);
    this.#entries.threshold = this.#rare ? Infinity : last;
    this.#returned.clear();
  }

  /** Sees to a line of about that length. New memory is slow to touch for the first time, so it is kept where it fits. */
  #makeLength(wanted: number): void {
    const { length } = this.#line;
    if (length < wanted || length > 4 * wanted) this.#line = new Float64Array(wanted);
  }

  /** Lines up the idle entries with stamps up to `last`: those in `slots`, or in all slots. */
  #gather(last: number, slots: Iterable<number> | undefined): void {
    let count = 0;
    let before = 0;
    // What came in one after the other, as in a scan of a disk, lies in its order already.
    let ascending = true;
    const look = (slot: number): void => {
      const stamp = this.#entries.idleStamp(slot);
      if (stamp > last) return;
      if (stamp < before) ascending = false;
      before = stamp;
      if (count === this.#line.length) this.#lengthen();
      this.#line[count++] = stamp * this.#scale + slot;
    };
    if (slots) for (const slot of slots) look(slot);
    else for (let slot = 0; slot < this.#entries.capacity; slot++) look(slot);
    if (!ascending) this.#line.subarray(0, count).sort();
    this.#next = 0;
    this.#end = count;
  }

  #lengthen(): void {
    const line = new Float64Array(2 * this.#line.length);
    line.set(this.#line);
    this.#line = line;
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
