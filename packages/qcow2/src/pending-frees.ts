/** Host clusters in a row, by their numbers. */
export interface ClusterRange {
  first: number;
  count: number;
}

/** Clusters let go between two cuts. */
export interface FreedBatch {
  readonly ranges: ClusterRange[];
  /** The cut of the flights: who began before it may still use the clusters. */
  readonly mark: number;
}

/** So many ranges are let go before somebody should see to their release. */
const CROWD = 4096;

/**
 * Clusters that nothing in memory refers to any more. Their refcounts are lowered, and they are used anew, only when
 * the change that let them go is durable, and everybody who may have read the old state has ended.
 */
export class PendingFrees {
  #fresh: ClusterRange[] = [];
  #durable: FreedBatch[] = [];

  /** Lets go of one reference to each of the clusters. Call it after the change that does so. */
  add(first: number, count: number): void {
    const last = this.#fresh.at(-1);
    if (last && last.first + last.count === first) last.count += count;
    else this.#fresh.push({ first, count });
  }

  /** Whether so much has been let go that it should be seen to. */
  get crowded(): boolean {
    return this.#fresh.length > CROWD;
  }

  /** Takes what has been let go so far, because a sync begins. */
  take(mark: number): FreedBatch {
    const ranges = this.#fresh;
    this.#fresh = [];
    return { ranges, mark };
  }

  /** The sync has failed. */
  putBack(batch: FreedBatch): void {
    this.#fresh = batch.ranges.concat(this.#fresh);
  }

  /** The sync has succeeded. */
  madeDurable(batch: FreedBatch): void {
    if (batch.ranges.length > 0) this.#durable.push(batch);
  }

  /** The oldest batch that is durable and whose requests have ended. It stays until it is empty. */
  releasable(ended: (mark: number) => boolean): FreedBatch | undefined {
    while (this.#durable[0]?.ranges.length === 0) this.#durable.shift();
    return this.#durable.find((batch) => batch.ranges.length > 0 && ended(batch.mark));
  }
}
