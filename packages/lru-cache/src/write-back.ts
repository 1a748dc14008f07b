import { Semaphore } from "async-mutex";
import type { DirtyEntries, DirtyEntry } from "./dirty-entries.js";
import type { Entries } from "./entries.js";
import { CacheError } from "./errors.js";
import { isPromiseLike } from "./promise-like.js";
import { SyncGroup } from "./sync-group.js";
import type { Tally } from "./tally.js";
import type { CacheOptions } from "./types.js";

/** Stores dirty entries and makes stores durable. Knows nothing of dependencies: its caller has satisfied them. */
export class WriteBack<K, V> {
  readonly #name: string;
  readonly #options: CacheOptions<K, V>;
  readonly #entries: Entries<K, V>;
  readonly #dirty: DirtyEntries;
  readonly #tally: Tally;
  readonly #permits: Semaphore;
  readonly #syncs: SyncGroup;

  constructor(name: string, options: CacheOptions<K, V>, entries: Entries<K, V>, dirty: DirtyEntries, tally: Tally) {
    this.#name = name;
    this.#options = options;
    this.#entries = entries;
    this.#dirty = dirty;
    this.#tally = tally;
    this.#permits = new Semaphore(options.maxWriteBacks ?? 16);
    this.#syncs = new SyncGroup(() => this.#sync());
  }

  /**
   * Starts storing each entry in the version it has now, or a later one. Resolves when the last store has been started.
   *
   * @returns what to await for the stores to end. It rejects with `ERR_WRITE_BACK` when any of them failed; every
   * one has been attempted then, and those that failed are dirty.
   */
  async start(wanted: readonly DirtyEntry[]): Promise<{ readonly ended: () => Promise<void> }> {
    const versions = wanted.map((entry) => entry.version);
    const failures: StoreFailure[] = [];
    const stores: Promise<void>[] = [];
    for (const [index, entry] of wanted.entries()) {
      const version = versions[index] ?? 0;
      const needed = () => this.#dirty.has(entry) && entry.stored < version;
      if (!needed()) continue;
      const [, release] = await this.#permits.acquire();
      // Two stores of one entry must not overlap: the older could reach storage last.
      while (entry.storing && needed()) await entry.storing;
      if (needed()) stores.push(this.#store(this.#withNeighbours(entry), failures).finally(release));
      else release();
    }
    return {
      ended: async () => {
        await Promise.all(stores);
        if (failures.length > 0) throw this.#failure(failures);
      },
    };
  }

  /** Makes durable what has been stored; syncs that are asked for at the same time share one. */
  async sync(): Promise<void> {
    if (this.#dirty.unsynced) await this.#syncs.request();
  }

  #store(batch: readonly DirtyEntry[], failures: StoreFailure[]): Promise<void> {
    const { io, observer } = this.#options;
    const versions = batch.map((entry) => entry.version);
    const pairs = batch.map(({ slot }) => [this.#entries.keyAt(slot), this.#entries.valueAt(slot)] as const);
    const keys = pairs.map(([key]) => key);
    observer?.({ type: "store", cache: this.#name, keys });
    const end = (type: "stored" | "store-failed") => {
      for (const entry of batch) entry.storing = undefined;
      observer?.({ type, cache: this.#name, keys });
    };
    const succeed = () => {
      for (const [index, entry] of batch.entries()) this.#dirty.stored(entry, versions[index] ?? 0, !io.sync);
      this.#tally.writeBacks += batch.length;
      end("stored");
    };
    const fail = (error: unknown) => {
      failures.push({ keys, error });
      end("store-failed");
    };
    const [first] = pairs;
    try {
      const done = pairs.length === 1 && first ? io.store(first[0], first[1]) : io.storeMany?.(pairs);
      if (isPromiseLike(done)) {
        const storing = Promise.resolve(done).then(succeed, fail);
        for (const entry of batch) entry.storing = storing;
        return storing;
      }
      succeed();
    } catch (error) {
      fail(error);
    }
    return Promise.resolve();
  }

  /** The entry, with dirty neighbours before and behind it that nobody is storing. */
  #withNeighbours(entry: DirtyEntry): DirtyEntry[] {
    const { neighbours, io, maxBatch = 64 } = this.#options;
    const batch = [entry];
    if (!neighbours || !io.storeMany) return batch;
    const key = this.#entries.keyAt(entry.slot);
    for (let at = neighbours.next(key); at !== undefined && batch.length < maxBatch; at = neighbours.next(at)) {
      const next = this.#dirtyAt(at);
      if (!next) break;
      batch.push(next);
    }
    const before: DirtyEntry[] = [];
    let at = neighbours.previous(key);
    for (; at !== undefined && batch.length + before.length < maxBatch; at = neighbours.previous(at)) {
      const previous = this.#dirtyAt(at);
      if (!previous) break;
      before.push(previous);
    }
    return [...before.toReversed(), ...batch];
  }

  #dirtyAt(key: K): DirtyEntry | undefined {
    const slot = this.#entries.slotOf(key);
    const entry = slot === undefined ? undefined : this.#dirty.get(slot);
    return entry && entry.stored < entry.version && !entry.storing ? entry : undefined;
  }

  async #sync(): Promise<void> {
    const { io, observer } = this.#options;
    const coverage = this.#dirty.beginSync();
    const emit = (type: "sync" | "synced" | "sync-failed") => observer?.({ type, cache: this.#name });
    this.#tally.syncs++;
    emit("sync");
    try {
      await io.sync?.();
    } catch (cause) {
      this.#dirty.syncFailed();
      emit("sync-failed");
      throw new CacheError("ERR_SYNC", `${this.#name}: syncing failed; what was stored since the last sync is dirty`, {
        cause,
      });
    }
    this.#dirty.synced(coverage);
    emit("synced");
  }

  #failure(failures: readonly StoreFailure[]): CacheError {
    const keys = failures.flatMap((failure) => failure.keys);
    const [first] = failures;
    const cause = failures.length === 1 && first ? first.error : new AggregateError(failures.map(({ error }) => error));
    const message = `${this.#name}: storing ${keys.length === 1 ? "an entry" : `${keys.length} entries`} failed`;
    return new CacheError("ERR_WRITE_BACK", message, { cause, keys });
  }
}

interface StoreFailure {
  readonly keys: readonly unknown[];
  readonly error: unknown;
}
