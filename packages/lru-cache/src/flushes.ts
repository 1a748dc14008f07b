import type { DirtyEntries, DirtyEntry } from "./dirty-entries.js";
import { type StoreFailure, type WriteBack, writeBackError } from "./write-back.js";

/** Calls what starts stores when all that must be durable before them is. */
type AfterDependencies = (issue: () => Promise<void>) => Promise<void>;

/** Stores entries, and makes them durable, after what they depend on. */
export class Flushes<K, V> {
  readonly #name: string;
  readonly #dirty: DirtyEntries;
  readonly #writeBack: WriteBack<K, V>;
  readonly #afterDependencies: AfterDependencies;

  constructor(name: string, dirty: DirtyEntries, writeBack: WriteBack<K, V>, afterDependencies: AfterDependencies) {
    this.#name = name;
    this.#dirty = dirty;
    this.#writeBack = writeBack;
    this.#afterDependencies = afterDependencies;
  }

  /**
   * Stores entries in the version they have now, or a later one. All are attempted, also when one fails.
   *
   * @throws `CacheError` `ERR_DEPENDENCY`, `ERR_WRITE_BACK`
   */
  async store(wanted: readonly DirtyEntry[]): Promise<void> {
    const failures = await this.#attempt(wanted, false);
    // One entry that cannot be written should not keep its neighbours from storage.
    const mates = failures.filter(({ batch }) => batch.length > 1).flatMap(({ batch }) => batch);
    const left = failures.filter(({ batch }) => batch.length === 1).concat(await this.#attempt(mates, true));
    if (left.length > 0) throw writeBackError(this.#name, left);
  }

  /**
   * Like `store`, and makes durable what has been stored.
   *
   * @throws `CacheError` like `store`; `ERR_SYNC`
   */
  async storeAndSync(wanted: readonly DirtyEntry[]): Promise<void> {
    try {
      await this.store(wanted);
    } finally {
      // Also when some failed: the others need not be written again.
      await this.#writeBack.sync();
    }
  }

  /**
   * Makes durable all that is pending at the call.
   *
   * @throws like `storeAndSync`.
   */
  async sync(): Promise<void> {
    const { moment } = this.#dirty;
    let failedSyncs: number;
    do {
      ({ failedSyncs } = this.#dirty);
      await this.storeAndSync(this.#dirty.toStore());
      // A sync for somebody else that failed meanwhile may have undone what was stored for this one.
    } while (failedSyncs !== this.#dirty.failedSyncs);
    this.#dirty.durableUntil(moment);
  }

  async #attempt(wanted: readonly DirtyEntry[], alone: boolean): Promise<StoreFailure[]> {
    if (wanted.length === 0) return [];
    let started: { ended(): Promise<StoreFailure[]> } | undefined;
    await this.#afterDependencies(async () => {
      started = await this.#writeBack.start(wanted, alone);
    });
    return (await started?.ended()) ?? [];
  }
}
