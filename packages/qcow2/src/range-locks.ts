/** A range of clusters that one request has to itself. */
export interface RangeLock {
  /** Lets the next one in. */
  release(): void;
}

interface Claim {
  readonly first: number;
  readonly last: number;
  readonly released: Promise<void>;
}

/**
 * Lets one request at a time change what ranges of guest clusters are mapped to: of those that overlap, in the order in
 * which they came. Whoever waits, waits for earlier ones only, and those take no second lock: nobody waits for ever, and
 * a stream of small requests passes no large one by.
 */
export class RangeLocks {
  /** Those that hold their range and those that wait for it, in the order in which they came. */
  readonly #claims = new Set<Claim>();

  /** Locks the clusters from `first` to `last`, after all who came before and wanted any of them. */
  async acquire(first: number, last: number): Promise<RangeLock> {
    let earlier: Promise<void>[] | undefined;
    for (const claim of this.#claims) {
      if (claim.first <= last && first <= claim.last) (earlier ??= []).push(claim.released);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const claim = { first, last, released: promise };
    this.#claims.add(claim);
    if (earlier) for (const released of earlier) await released;
    return {
      release: () => {
        this.#claims.delete(claim);
        resolve();
      },
    };
  }
}
