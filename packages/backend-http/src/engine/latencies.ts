/** How many recent answers are looked at. */
const most = 64;
/** How many there must be before they tell anything. */
const least = 8;

/** How long recent answers took to begin. */
export class Latencies {
  readonly #recent: number[] = [];
  #next = 0;

  /** Notes one, in milliseconds. */
  add(milliseconds: number): void {
    this.#recent[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % most;
  }

  /** The time that this share of the recent ones stayed within; `undefined` while there are too few of them. */
  percentile(share: number): number | undefined {
    if (this.#recent.length < least) return undefined;
    const sorted = this.#recent.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }
}
