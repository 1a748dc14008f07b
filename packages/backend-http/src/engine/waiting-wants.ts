import type { Want } from "./want.js";

/** Pieces that wait for a request. The oldest goes first, and takes along whatever lies next to it. */
export class WaitingWants {
  /** In the order of arrival. */
  readonly #queue = new Set<Want>();
  /** In the order of their starts. */
  readonly #sorted: Want[] = [];

  add(want: Want): void {
    this.#queue.add(want);
    this.#sorted.splice(this.#indexBehind(want.start), 0, want);
  }

  /** Takes one piece out; does nothing when it does not wait. */
  remove(want: Want): void {
    if (this.#queue.delete(want)) this.#sorted.splice(this.#indexOf(want), 1);
  }

  /**
   * Takes out the oldest piece, and those around it whose ranges overlap, touch or lie at most `gap` bytes away, as long
   * as all of them fit into `most` bytes. In the order of their starts; empty when nobody waits.
   */
  takeRun(most: number, gap: number): Want[] {
    const [oldest] = this.#queue;
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
    for (const want of run) this.#queue.delete(want);
    return run;
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
