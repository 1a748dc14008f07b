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
    this.#syncs = new SyncGroup(
      () => dirty.stores,
      () => this.#sync(),
    );
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
      if (needed()) stores.push(this.#store(entry, failures).finally(release));
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

  /** Stores the entry, with its neighbours, as it is at the call. Never rejects. */
  async #store(entry: DirtyEntry, failures: StoreFailure[]): Promise<void> {
    const { observer } = this.#options;
    let keys = [this.#entries.keyAt(entry.slot)];
    try {
      const batch = this.#withNeighbours(entry);
      keys = batch.map(({ slot }) => this.#entries.keyAt(slot));
      observer?.({ type: "store", cache: this.#name, keys });
      const done = this.#write(batch);
      if (done) await done;
      observer?.({ type: "stored", cache: this.#name, keys });
    } catch (error) {
      failures.push({ keys, error });
      observer?.({ type: "store-failed", cache: this.#name, keys });
    }
  }

  /** Calls the entry I/O; a batch of several is written as one. */
  #write(batch: readonly DirtyEntry[]): Promise<void> | undefined {
    const { io } = this.#options;
    const failedSyncs = this.#dirty.failedSyncs;
    const versions = batch.map((entry) => entry.version);
    const pairs = batch.map(({ slot }) => [this.#entries.keyAt(slot), this.#entries.valueAt(slot)] as const);
    const succeed = () => {
      this.#tally.writeBacks += batch.length;
      // What a failed sync came across may have been thrown away by the system, though its store went well.
      if (failedSyncs !== this.#dirty.failedSyncs) return;
      for (const [index, entry] of batch.entries()) this.#dirty.stored(entry, versions[index] ?? 0, !io.sync);
    };
    const [first] = pairs;
    const done = pairs.length === 1 && first ? io.store(first[0], first[1]) : io.storeMany?.(pairs);
    if (!isPromiseLike(done)) {
      succeed();
      return undefined;
    }
    const end = () => {
      for (const entry of batch) entry.storing = undefined;
    };
    const stored = Promise.resolve(done).then(
      () => (end(), succeed()),
      (error: unknown) => {
        end();
        throw error;
      },
    );
    const storing = stored.catch(() => {});
    for (const entry of batch) entry.storing = storing;
    return stored;
  }

  /** The entry, with dirty neighbours before and behind it that nobody is storing. */
  #withNeighbours(entry: DirtyEntry): DirtyEntry[] {
    const { neighbours, io, maxBatch = 64 } = this.#options;
    if (!neighbours || !io.storeMany) return [entry];
    const key = this.#entries.keyAt(entry.slot);
    const behind = this.#dirtyRun(key, (at) => neighbours.next(at), maxBatch - 1);
    const before = this.#dirtyRun(key, (at) => neighbours.previous(at), maxBatch - 1 - behind.length);
    return [...new Set([...before.toReversed(), entry, ...behind])];
  }

  /** The dirty entries that follow each other from a key on, without its own. */
  #dirtyRun(from: K, step: (key: K) => K | undefined, most: number): DirtyEntry[] {
    const run: DirtyEntry[] = [];
    for (let at = step(from); at !== undefined && run.length < most; at = step(at)) {
      const slot = this.#entries.slotOf(at);
      const entry = slot === undefined ? undefined : this.#dirty.get(slot);
      if (!entry || entry.stored >= entry.version || entry.storing) break;
      run.push(entry);
    }
    return run;
  }

  async #sync(): Promise<void> {
    if (!this.#dirty.unsynced) return;
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
