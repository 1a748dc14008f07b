/** A range of clusters that one request has to itself. */
export interface RangeLock {
  /** Lets the next one in. */
  release(): void;
}

interface HeldRange {
  readonly first: number;
  readonly last: number;
  readonly released: Promise<void>;
}

/**
 * Lets one request at a time change what ranges of guest clusters are mapped to. Whoever holds one range waits for no
 * other, so nobody waits for ever.
 */
export class RangeLocks {
  readonly #held = new Set<HeldRange>();

  /** Locks the clusters from `first` to `last`, when nobody holds any of them. */
  async acquire(first: number, last: number): Promise<RangeLock> {
    for (let other = this.#holder(first, last); other; other = this.#holder(first, last)) await other.released;
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = { first, last, released: promise };
    this.#held.add(held);
    return {
      release: () => {
        this.#held.delete(held);
        resolve();
      },
    };
  }

  #holder(first: number, last: number): HeldRange | undefined {
    for (const held of this.#held) if (held.first <= last && first <= held.last) return held;
    return undefined;
  }
}
