import type { Want } from "./want.js";

/** Pieces that wait for a request. The oldest goes first, and takes along whatever lies next to it. */
export class WaitingWants {
  /** In the order of arrival, from `#first` on; some of them do not wait any more. No `Set`, see `RangeEngine`. */
  readonly #queue: Want[] = [];
  #first = 0;
  /** In the order of their starts. */
  readonly #sorted: Want[] = [];

  add(want: Want): void {
    want.waiting = true;
    this.#queue.push(want);
    this.#sorted.splice(this.#indexBehind(want.start), 0, want);
  }

  /** Takes one piece out; does nothing when it does not wait. */
  remove(want: Want): void {
    if (!want.waiting) return;
    want.waiting = false;
    this.#sorted.splice(this.#indexOf(want), 1);
    this.#tidy();
  }

  /**
   * Takes out the oldest piece, and those around it whose ranges overlap, touch or lie at most `gap` bytes away, as long
   * as all of them fit into `most` bytes. In the order of their starts; empty when nobody waits.
   */
  takeRun(most: number, gap: number): Want[] {
    const oldest = this.#queue[this.#first];
    if (oldest === undefined) return [];
    const sorted = this.#sorted;
    const at = this.#indexOf(oldest);
    let { start, end } = oldest;
    let first = at;
    for (let before = sorted[first - 1]; before !== undefined; before = sorted[first - 1]) {
      if (before.end + gap < start || Math.max(end, before.end) - before.start > most) break;
      start = before.start;
      end = Math.max(end, before.end);
      first--;
    }
    let last = at;
    for (let behind = sorted[last + 1]; behind !== undefined; behind = sorted[last + 1]) {
      if (behind.start > end + gap || Math.max(end, behind.end) - start > most) break;
      end = Math.max(end, behind.end);
      last++;
    }
    const run = sorted.splice(first, last - first + 1);
    for (const want of run) want.waiting = false;
    this.#tidy();
    return run;
  }

  /** Lets go of what does not wait at the head of the queue. */
  #tidy(): void {
    while (this.#queue[this.#first]?.waiting === false) this.#first++;
    if (2 * this.#first < this.#queue.length) return;
    this.#queue.splice(0, this.#first);
    this.#first = 0;
  }

  /** Index of the first piece that starts behind `start`. */
  #indexBehind(start: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.start ?? 0) <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #indexOf(want: Want): number {
    return this.#sorted.lastIndexOf(want, this.#indexBehind(want.start) - 1);
  }
}
