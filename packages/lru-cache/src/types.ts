/** Options of the calls that may wait. */
export interface WaitOptions {
  /**
   * Ends the wait of this caller, who gets the signal's reason. A shared load ends only when nobody waits for it any
   * more; write-backs that have begun go on.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What a load may know of those who wait for it. */
export interface LoadWait {
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
}

/** What stands between a cache and its storage. */
export interface EntryIo<K, V> {
  /**
   * Produces the value of a key that is not in the cache, at once or later.
   *
   * `wait.signal` fires when nobody waits for the value any more; it may be ignored, and costs nothing unless read.
   */
  load(key: K, wait: LoadWait): V | PromiseLike<V>;

  /**
   * Writes a value to storage.
   *
   * The value must be captured before the call returns (encoded or copied), because its holders may modify it while
   * the write is under way. What they modify then is written by another store, once what it depends on is safe.
   */
  store(key: K, value: V): void | PromiseLike<void>;

  /**
   * Writes several neighbouring values, in the order of their keys, as one; for caches with {@link Neighbours}. The
   * rule of `store` holds for each. When it rejects, all of them are dirty, and each is tried again by itself.
   */
  storeMany?(entries: readonly (readonly [key: K, value: V])[]): void | PromiseLike<void>;

  /**
   * Resolves when every store that has resolved is durable. Where it is absent, a store is durable when it resolves.
   *
   * When it rejects, all that was stored since the last one that went well is dirty again, because a system may forget
   * what it could not write. Where several caches share a storage, its failed sync has to fail for each of them.
   */
  sync?(): void | PromiseLike<void>;
}

/** Which keys lie side by side in storage, so that their values can be written as one. */
export interface Neighbours<K> {
  /** The key behind this one, or `undefined`. */
  next(key: K): K | undefined;
  /** The key before this one, or `undefined`. */
  previous(key: K): K | undefined;
}

/** A pinned entry. As long as one lease on it is unreleased it is not evicted, replaced or invalidated. */
export interface Lease<K, V> extends Disposable {
  /** The key. */
  readonly key: K;
  /** The value, to be read and, followed by `markDirty`, modified in place. Not to be used after the release. */
  readonly value: V;
  /** Says that the value has been modified. Throws `ERR_RELEASED` after the release. */
  markDirty(): void;
  /** Ends the pin. Releasing once more is harmless. */
  release(): void;
}

/** What has happened in a cache since it was made. */
export interface CacheCounters {
  /** Acquires that found their entry in the cache. */
  readonly hits: number;
  /** Acquires that did not, joiners of a load under way included. */
  readonly misses: number;
  /** Loads begun. */
  readonly loads: number;
  /** Entries dropped to make room, or because they were idle. */
  readonly evictions: number;
  /** Entries written to storage, failed writes not counted. */
  readonly writeBacks: number;
  /** How often a node was made durable so that this cache could come after it. */
  readonly dependencyFlushes: number;
  /** Syncs asked of the storage. */
  readonly syncs: number;
}

/** Something that happened in a cache, for drawing the order of writes. */
export type CacheEvent<K> =
  | { readonly type: "load" | "evict"; readonly cache: string; readonly key: K }
  | { readonly type: "store" | "stored" | "store-failed"; readonly cache: string; readonly keys: readonly K[] }
  | { readonly type: "sync" | "synced" | "sync-failed"; readonly cache: string }
  | { readonly type: "depend"; readonly cache: string; readonly on: string }
  | { readonly type: "satisfy"; readonly cache: string; readonly on: string };

/** Options of an `AsyncLruCache`. */
export interface CacheOptions<K, V> {
  /** How many entries to keep; at least 1. */
  readonly limit: number;
  /** Loads and stores. */
  readonly io: EntryIo<K, V>;
  /** For errors and events. Defaults to `cache`. */
  readonly name?: string;
  /** Refuse with `ERR_ALL_PINNED` instead of exceeding the limit when everything is pinned. Defaults to `false`. */
  readonly strict?: boolean;
  /** How many stores may be under way at once; defaults to 16. */
  readonly maxWriteBacks?: number;
  /** Which keys lie side by side; with `io.storeMany`, dirty neighbours are written together. */
  readonly neighbours?: Neighbours<K>;
  /** How many entries one `storeMany` gets at the most; defaults to 64. */
  readonly maxBatch?: number;
  /** How many dirty entries one round of eviction may write, so that they share flushes and syncs; defaults to 16. */
  readonly evictionBatch?: number;
  /**
   * Let an entry go once it is stored, though not synced yet. Saves a sync per round of eviction; but when a later sync
   * fails, what it should have made durable may be lost. Defaults to `false`: nothing is dropped before it is durable.
   */
  readonly dropUnsynced?: boolean;
  /** The weight of an entry, a number from 0, measured when it enters the cache and when it is marked dirty. */
  readonly weigh?: (value: V, key: K) => number;
  /** How much all entries may weigh together. Needs `weigh`. */
  readonly maxWeight?: number;
  /** Is told what happens, as it happens. What it throws comes out as an uncaught error; the cache goes on. */
  readonly observer?: (event: CacheEvent<K>) => void;
}
