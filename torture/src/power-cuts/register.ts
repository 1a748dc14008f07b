/** Something done to a register: the values before may stay, until the change is durable. */
export interface Event<T> {
  readonly value: T;
  /** Whether it may also leave what was there, as a discard does. */
  readonly keepsOld: boolean;
  readonly begin: number;
  /** Infinity while it is under way. */
  end: number;
}

/** What one thing (a sector, the size) may be after a power cut at a moment that only moves on. */
export class Register<T> {
  #base: readonly T[];
  #live: Event<T>[] = [];

  constructor(first: T) {
    this.#base = [first];
  }

  begin(event: Event<T>): void {
    this.#live.push(event);
  }

  /** Takes note that everything is durable that had ended when a sync began. */
  settle(synced: number): void {
    const last = this.#live.findLastIndex(({ end, keepsOld }) => end < synced && !keepsOld);
    if (last < 0) return;
    const values = this.#live.slice(last).filter(({ end }) => end < synced);
    this.#base = values.map(({ value }) => value);
    this.#live = this.#live.slice(last).filter(({ end }) => end >= synced);
  }

  /** Whether anything has been done that no sync covers. */
  get undecided(): boolean {
    return this.#live.length > 0;
  }

  allows(found: T): boolean {
    return this.#base.includes(found) || this.#live.some(({ value }) => value === found);
  }

  toString(): string {
    return [...this.#base, ...this.#live.map(({ value }) => value)].join(" or ");
  }
}
