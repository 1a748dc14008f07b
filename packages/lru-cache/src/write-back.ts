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
   * @param alone whether each is stored by itself, rather than with its neighbours.
   * @returns what to await for the stores to end, with those that failed. Every one has been attempted then.
   */
  async start(wanted: readonly DirtyEntry[], alone: boolean): Promise<{ ended(): Promise<StoreFailure[]> }> {
    const versions = new Map(wanted.map((entry) => [entry, entry.version]));
    const needed = (entry: DirtyEntry) =>
      this.#dirty.has(entry) && entry.stored < (versions.get(entry) ?? 0) && !attempted.has(entry);
    const stores: Promise<StoreFailure | undefined>[] = [];
    const attempted = new Set<DirtyEntry>();
    const busy: DirtyEntry[] = [];
    const attempt = async (entry: DirtyEntry) => {
      // Two stores of one entry must not overlap: the older could reach storage last.
      for (; needed(entry); await entry.storing) {
        const [, release] = await this.#permits.acquire();
        if (needed(entry) && !entry.storing) return stores.push(this.#store(entry, alone, attempted).finally(release));
        release();
      }
      return undefined;
    };
    for (const entry of wanted) {
      if (entry.storing) busy.push(entry);
      else await attempt(entry);
    }
    for (const entry of busy) await attempt(entry);
    return { ended: async () => (await Promise.all(stores)).filter((failure) => failure !== undefined) };
  }

  /** Makes durable what has been stored; syncs that are asked for at the same time share one. */
  async sync(): Promise<void> {
    if (this.#dirty.unsynced) await this.#syncs.request();
  }

  /** Stores the entry as it is at the call; never rejects. Tells at once which entries it has attempted. */
  async #store(entry: DirtyEntry, alone: boolean, attempted: Set<DirtyEntry>): Promise<StoreFailure | undefined> {
    const { observer } = this.#options;
    attempted.add(entry);
    let batch = [entry];
    let keys = [this.#entries.keyAt(entry.slot)];
    try {
      if (!alone) {
        batch = this.#withNeighbours(entry);
        keys = batch.map(({ slot }) => this.#entries.keyAt(slot));
        for (const mate of batch) attempted.add(mate);
      }
      observer?.({ type: "store", cache: this.#name, keys });
      const done = this.#write(batch);
      if (done) await done;
      observer?.({ type: "stored", cache: this.#name, keys });
      return undefined;
    } catch (error) {
      observer?.({ type: "store-failed", cache: this.#name, keys });
      return { batch, keys, error };
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
}

/** A store that has failed. What it should have written is dirty. */
export interface StoreFailure {
  readonly batch: readonly DirtyEntry[];
  readonly keys: readonly unknown[];
  readonly error: unknown;
}

/** What to throw for stores that have failed. */
export function writeBackError(name: string, failures: readonly StoreFailure[]): CacheError {
  const keys = failures.flatMap((failure) => failure.keys);
  const [first] = failures;
  const cause = failures.length === 1 && first ? first.error : new AggregateError(failures.map(({ error }) => error));
  const message = `${name}: storing ${keys.length === 1 ? "an entry" : `${keys.length} entries`} failed`;
  return new CacheError("ERR_WRITE_BACK", message, { cause, keys });
}
