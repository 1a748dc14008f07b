import type { AsyncLruCache, CacheEvent, CacheOptions, Lease } from "../../src/index.js";
import type { Choices } from "./choices.ts";
import type { Pending } from "./pending.ts";
import { type Cell, ModelStorage } from "./storage.ts";

/** The package under test, or a copy of it with a deliberate bug. */
export interface Library {
  readonly AsyncLruCache: typeof AsyncLruCache;
}

/** What all caches of a schedule share. */
export interface Ground {
  readonly choices: Choices;
  readonly pending: Pending;
  /** The moment; grows with whatever happens. */
  tick(): number;
  violate(rule: string, detail: string): void;
  note(line: string): void;
  edgeAdded(): void;
}

/** A lease that the schedule holds. */
export interface Held {
  readonly key: number;
  readonly lease: Lease<number, Cell>;
}

/** What must be durable before the next store: a version of a key of another cache. */
export interface Obligation {
  readonly model: CacheModel;
  readonly key: number;
  readonly version: number;
  readonly invalidations: number;
}

/** A cache under test, with the reference model of it, which is all that it is compared with. */
export class CacheModel {
  readonly name: string;
  readonly cache: AsyncLruCache<number, Cell>;
  readonly storage: ModelStorage;
  readonly strict: boolean;
  readonly held: Held[] = [];
  /** Acquires and inserts under way, by key. */
  readonly #asking = new Map<number, number>();
  /** Keys of invalidations under way; a key can be in several. */
  readonly invalidating: number[] = [];
  /** `dropIdle` calls under way: what they drop need not be the oldest. */
  dropping = 0;
  readonly expected: { hits: number; misses: number; evictions: number; satisfied: number } = {
    hits: 0,
    misses: 0,
    evictions: 0,
    satisfied: 0,
  };
  readonly #ground: Ground;
  /** The last modification of each key. */
  readonly #latest = new Map<number, number>();
  /** When each key was pinned last. */
  readonly #used = new Map<number, number>();
  /** Keys whose last modification an invalidation has dropped before it was durable. */
  readonly #forsaken = new Set<number>();
  readonly #invalidations = new Map<number, number>();
  #obligations: Obligation[] = [];
  /** How many entries were pinned at once since the cache was last within its limit, and nobody asked for more. */
  #excess = 0;

  constructor(library: Library, ground: Ground, name: string, keys: number) {
    const { choices } = ground;
    this.#ground = ground;
    this.name = name;
    this.strict = choices.oneIn(3);
    const dropUnsynced = choices.oneIn(6);
    const maxWriteBacks = choices.oneIn(2) ? 1 : 3;
    const syncs = !choices.oneIn(8);
    this.storage = new ModelStorage(choices, ground.pending, this.#watcher(), {
      maxWriteBacks,
      syncs,
      syncsFail: !dropUnsynced,
    });
    const options: CacheOptions<number, Cell> = {
      name,
      limit: 1 + choices.pick(3),
      io: this.storage.io,
      strict: this.strict,
      maxWriteBacks,
      evictionBatch: 1 + choices.pick(3),
      dropUnsynced,
      weigh: (cell, key) => (this.#weighed(cell, key), 1),
      observer: (event) => this.#observed(event),
    };
    const neighbours = {
      next: (key: number) => (key + 1 < keys ? key + 1 : undefined),
      previous: (key: number) => (key > 0 ? key - 1 : undefined),
    };
    this.cache = new library.AsyncLruCache(choices.oneIn(3) ? { ...options, neighbours } : options);
  }

  /** An acquire or insert begins. */
  asks(key: number): void {
    this.#asking.set(key, (this.#asking.get(key) ?? 0) + 1);
    this.#countPinned();
  }

  /** An acquire or insert has ended, whichever way. */
  askedFor(key: number): void {
    const left = (this.#asking.get(key) ?? 0) - 1;
    if (left > 0) this.#asking.set(key, left);
    else this.#asking.delete(key);
  }

  /** A lease has been given. */
  gotLease(key: number, lease: Lease<number, Cell>): void {
    const mine = this.held.find((one) => one.key === key);
    if (mine && mine.lease.value !== lease.value) this.#violate("one value per key", `two values of ${key} are held`);
    if (lease.value.version !== this.versionOf(key)) {
      this.#violate("no lost update", `${key} is ${lease.value.version}, but was ${this.versionOf(key)}`);
    }
    this.held.push({ key, lease });
    this.#countPinned();
  }

  /** A hit pins at once. */
  hit(key: number): void {
    this.expected.hits++;
    this.#used.set(key, this.#ground.tick());
  }

  /** The holder modifies the value. */
  modify({ key, lease }: Held): void {
    lease.value.version = this.#ground.tick();
    this.#modified(key, lease.value.version);
    lease.markDirty();
  }

  versionOf(key: number): number {
    return this.#latest.get(key) ?? 0;
  }

  /** What is not durable now: what an edge made now has to wait for. */
  pendingNow(): Obligation[] {
    return Array.from(this.#latest, ([key, version]) => ({
      model: this,
      key,
      version,
      invalidations: this.#invalidationsOf(key),
    })).filter((one) => this.owes(one) && !this.invalidating.includes(one.key));
  }

  /** From now on no store may begin before these are durable. */
  oblige(obligations: readonly Obligation[]): void {
    this.#obligations.push(...obligations);
  }

  invalidationBegins(keys: readonly number[]): void {
    this.invalidating.push(...keys);
    for (const key of keys) this.#invalidations.set(key, this.#invalidationsOf(key) + 1);
  }

  /** What is not in the cache any more was dropped: storage has the last word. */
  invalidationEnded(keys: readonly number[]): void {
    for (const key of keys) {
      this.invalidating.splice(this.invalidating.indexOf(key), 1);
      if (this.cache.has(key)) continue;
      const stored = this.storage.versionOf(key);
      if (this.storage.durableVersionOf(key) < Math.max(stored, this.versionOf(key))) this.#forsaken.add(key);
      this.#latest.set(key, stored);
    }
  }

  /** What must hold at any time. */
  check(): void {
    const { size, limit } = this.cache;
    for (const { key } of this.held) {
      if (!this.cache.has(key)) this.#violate("pinned means safe", `${key} is held and gone`);
    }
    const allowed = Math.max(limit, this.#excess);
    if (size > allowed) this.#violate("bounded", `${size} entries, ${allowed} allowed`);
    if (size <= limit && this.#asking.size === 0) this.#excess = 0;
  }

  /** The limit is about to become smaller. */
  limitChanges(): void {
    this.#excess = Math.max(this.cache.size, this.cache.limit, this.#excess);
  }

  /** What must hold when all is quiet and everything has been synced. */
  checkAtRest(): void {
    const { cache, storage } = this;
    if (cache.pending || cache.dirtyCount > 0)
      this.#violate("failure loses nothing", "not all is durable after a sync");
    if (cache.size > cache.limit)
      this.#violate("bounded", `${cache.size} entries at rest, the limit is ${cache.limit}`);
    for (const [key, version] of this.#latest) {
      if (this.#forsaken.has(key)) continue;
      const durable = storage.durableVersionOf(key);
      if (durable !== version) this.#violate("no lost update", `${key} is ${version}, but ${durable} is durable`);
    }
    const { loads, writeBacks, syncs } = storage.calls;
    const { satisfied, ...others } = this.expected;
    const expected = { ...others, loads, writeBacks, syncs, dependencyFlushes: satisfied };
    for (const [name, count] of Object.entries(cache.counters)) {
      const wanted = expected[name as keyof typeof expected];
      if (count !== wanted) this.#violate("counters", `${name} is ${count}, but should be ${wanted}`);
    }
  }

  #watcher() {
    return {
      violate: (rule: string, detail: string) => this.#violate(rule, detail),
      note: (line: string) => this.#ground.note(`${this.name}: ${line}`),
      loadBegins: (key: number) => {
        if (this.cache.has(key)) this.#violate("no stale reload", `load of ${key}, which is in the cache`);
        if (this.invalidating.includes(key) || this.versionOf(key) === this.storage.versionOf(key)) return;
        this.#violate("no lost update", `load of ${key}, whose last modification was never stored`);
      },
      storeBegins: () => {
        this.#obligations = this.#obligations.filter((one) => one.model.owes(one));
        for (const { model, key, version } of this.#obligations) {
          this.#violate("order", `a store begins, and ${version} of ${key} of ${model.name} is not durable`);
        }
      },
    };
  }

  /** The cache weighs a value when it takes it in, and when it is marked dirty. */
  #weighed(cell: Cell, key: number): void {
    if (!cell.fresh) return;
    cell.fresh = false;
    this.#used.set(key, this.#ground.tick());
    if (cell.version === -1) {
      cell.version = this.#ground.tick();
      this.#modified(key, cell.version);
      return;
    }
    if (cell.version !== this.versionOf(key) && !this.invalidating.includes(key)) {
      this.#violate("no stale reload", `${key} comes in as ${cell.version}, but is ${this.versionOf(key)}`);
    }
    // Dropped between its store and the sync: nobody is left who could store it again.
    if (this.storage.durableVersionOf(key) < cell.version && this.invalidating.includes(key)) this.#forsaken.add(key);
    this.#latest.set(key, cell.version);
  }

  #observed(event: CacheEvent<number>): void {
    if (event.type === "satisfy") this.expected.satisfied++;
    if (event.type === "depend") this.#ground.edgeAdded();
    if (event.type === "sync-failed") this.storage.failureHeard();
    if (event.type !== "evict") return;
    this.expected.evictions++;
    const { key } = event;
    this.#ground.note(`${this.name}: evict ${key}`);
    if (this.#isHeld(key)) this.#violate("pinned means safe", `${key} is evicted while it is held`);
    if (this.dropping > 0) return;
    for (const other of this.cache.keys()) {
      if (this.#isHeld(other) || this.#asking.has(other)) continue;
      if ((this.#used.get(other) ?? 0) < (this.#used.get(key) ?? 0)) {
        this.#violate("exact LRU", `${key} is evicted, but ${other} was used before it`);
      }
    }
  }

  #modified(key: number, version: number): void {
    this.#latest.set(key, version);
    this.#forsaken.delete(key);
  }

  /** Takes note of how many entries are held, or may be: a lease can be on its way. */
  #countPinned(): void {
    if (this.strict) return;
    const pinned = new Set([...this.held.map(({ key }) => key), ...this.#asking.keys()]).size;
    this.#excess = Math.max(this.#excess, pinned);
  }

  #isHeld(key: number): boolean {
    return this.held.some((one) => one.key === key);
  }

  #invalidationsOf(key: number): number {
    return this.#invalidations.get(key) ?? 0;
  }

  /** Whether it is still not durable. */
  owes({ key, version, invalidations }: Obligation): boolean {
    if (this.#forsaken.has(key) || this.#invalidationsOf(key) !== invalidations) return false;
    return this.storage.durableVersionOf(key) < version;
  }

  #violate(rule: string, detail: string): void {
    this.#ground.violate(rule, `${this.name}: ${detail}`);
  }
}
