import type { DirtyEntries, DirtyEntry } from "./dirty-entries.js";
import type { Entries } from "./entries.js";
import { CacheError } from "./errors.js";
import { FlushNode } from "./flush-node.js";
import { Flushes } from "./flushes.js";
import { Loads } from "./loads.js";
import { withSafeObserver } from "./observe.js";
import { checkOptions } from "./options.js";
import { Residents } from "./residents.js";
import { Room, type RoomOwner } from "./room.js";
import { newTally } from "./tally.js";
import type { CacheCounters, CacheOptions, Lease, LoadWait, WaitOptions } from "./types.js";
import { WriteBack } from "./write-back.js";

/**
 * A write-back cache with exact least-recently-used eviction, asynchronous loads and stores, and an order in which
 * caches reach storage (see `dependsOn`). The README tells what may interleave and what is atomic.
 */
export class AsyncLruCache<K, V> extends FlushNode {
  readonly name: string;
  readonly #options: CacheOptions<K, V>;
  readonly #tally = newTally();
  readonly #residents: Residents<K, V>;
  readonly #entries: Entries<K, V>;
  readonly #dirty: DirtyEntries;
  readonly #room: Room<K, V>;
  readonly #loads: Loads<K, V>;
  readonly #flushes: Flushes<K, V>;

  /** @throws `CacheError` `ERR_ARGUMENT` naming the option that is out of its range. */
  constructor(options: CacheOptions<K, V>) {
    super();
    checkOptions(options);
    this.name = options.name ?? "cache";
    this.#options = withSafeObserver(options);
    this.#residents = new Residents(this.name, this.#options, this.#tally, () => this.#room.shrink());
    this.#entries = this.#residents.entries;
    this.#dirty = this.#residents.dirty;
    const writeBack = new WriteBack(this.name, this.#options, this.#entries, this.#dirty, this.#tally);
    this.#flushes = new Flushes(this.name, this.#dirty, writeBack, (issue) => this.afterDependencies(issue));
    this.#room = new Room(options.limit, this.#roomOwner(), this.#residents);
    this.#loads = new Loads((key, wait) => this.#load(key, wait), this.#residents, this.#room);
  }

  /** How many entries are in the cache. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many entries are not durable in their last version. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** How many entries the cache keeps. */
  get limit(): number {
    return this.#room.limit;
  }

  /** What all entries weigh together; 0 where nothing weighs them. */
  get weight(): number {
    return this.#residents.weights?.total ?? 0;
  }

  /** What has happened so far. */
  get counters(): CacheCounters {
    return { ...this.#tally };
  }

  /** Whether an entry is in the cache. Does not count as a use. */
  has(key: K): boolean {
    return this.#entries.slotOf(key) !== undefined;
  }

  /** The keys in the cache, in no particular order. */
  keys(): Iterable<K> {
    return this.#entries.keys();
  }

  /** Pins an entry that is in the cache; `undefined` where it is not. This is the fast path: no promise, no wait. */
  tryAcquire(key: K): Lease<K, V> | undefined {
    const slot = this.#entries.slotOf(key);
    if (slot === undefined) return undefined;
    this.#tally.hits++;
    return this.#entries.pin(slot);
  }

  /**
   * Pins an entry, loading it where it is missing. Acquires of one missing key share one load.
   *
   * @throws what `io.load` throws; `CacheError` `ERR_ALL_PINNED`; `ERR_WRITE_BACK`, `ERR_SYNC` or `ERR_DEPENDENCY` when
   * room had to be made and could not; the reason of `signal`.
   */
  acquire(key: K, options?: WaitOptions): Promise<Lease<K, V>> {
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const hit = this.tryAcquire(key);
    if (hit) return Promise.resolve(hit);
    this.#tally.misses++;
    return this.#loads.acquire(key, signal);
  }

  /**
   * Puts a value under a key, dirty unless said otherwise, and pins it. What stood there is flushed first.
   *
   * @throws `CacheError` `ERR_PINNED` when somebody holds what stands there; like `acquire` when room or the flush fails.
   */
  async insert(key: K, value: V, options: { readonly dirty?: boolean } = {}): Promise<Lease<K, V>> {
    const dirty = options.dirty ?? true;
    for (;;) {
      for (let wait = this.#busy(key); wait; wait = this.#busy(key)) await wait;
      const slot = this.#entries.slotOf(key);
      if (slot === undefined) return this.#loads.insert(key, value, dirty);
      if (this.#entries.isPinned(slot)) {
        throw new CacheError("ERR_PINNED", `${this.name}: insert under a key that somebody holds`, { keys: [key] });
      }
      const old = this.#dirty.get(slot);
      if (!old || old.stored === old.version) {
        this.#residents.replace(slot, value, dirty);
        return this.#entries.pin(slot);
      }
      await this.#flushes.store([old]);
    }
  }

  /**
   * Stores every entry that is dirty at the call, after what this cache depends on has been made durable. Entries stay.
   * A sync that fails afterwards, or meanwhile, makes them dirty again.
   *
   * @throws `CacheError` `ERR_DEPENDENCY` when nothing could be stored, `ERR_WRITE_BACK` when some could not; every
   * one is attempted, and what failed stays dirty.
   */
  async flush(): Promise<void> {
    await this.#flushes.store(this.#dirty.toStore());
    this.#room.shrink();
  }

  /**
   * Like `flush`, and makes durable what has been stored.
   *
   * @throws `CacheError` like `flush`; `ERR_SYNC` when the storage could not make it durable: then all that was stored
   * since the last sync is dirty again.
   */
  override async sync(): Promise<void> {
    await this.#flushes.sync();
    this.#room.shrink();
  }

  /**
   * Drops what was neither used nor pinned since the last call; what of it is dirty is made durable first. For a timer
   * of the caller's.
   *
   * @throws `CacheError` like `sync`; what could not be written stays.
   */
  async dropIdle(): Promise<void> {
    const unused = this.#residents.idle.next();
    const drop = () => {
      for (const { slot, stamp } of unused) {
        if (this.#entries.idleStamp(slot) === stamp && this.#residents.isDroppable(slot)) this.#residents.evict(slot);
      }
    };
    drop();
    const left = unused.filter(({ slot, stamp }) => this.#entries.idleStamp(slot) === stamp);
    if (left.length === 0) return;
    const due = left.flatMap(({ slot }) => this.#dirty.get(slot) ?? []);
    try {
      await this.#clean(due);
    } finally {
      drop();
    }
  }

  /**
   * Drops entries without writing them: all, or those under `keys`. Waits for their loads and stores under way.
   * Dependencies stay, because somebody may be about to modify what depends on them.
   *
   * @throws `CacheError` `ERR_PINNED` naming the keys that somebody holds; those stay.
   */
  async invalidate(keys?: Iterable<K>): Promise<void> {
    const wanted = keys ? [...keys] : [...this.#loads.keys(), ...this.#entries.keys()];
    const pinned: K[] = [];
    for (const key of new Set(wanted)) {
      for (let wait = this.#busy(key); wait; wait = this.#busy(key)) await wait;
      const slot = this.#entries.slotOf(key);
      if (slot === undefined) continue;
      if (this.#entries.isPinned(slot)) pinned.push(key);
      else this.#residents.drop(slot);
    }
    if (pinned.length > 0) {
      const message = `${this.name}: ${pinned.length} entries are held and stay in the cache`;
      throw new CacheError("ERR_PINNED", message, { keys: pinned });
    }
  }

  /**
   * Changes how many entries to keep. Resolves when the cache is that small, or all the rest is pinned.
   *
   * @throws `CacheError` `ERR_ARGUMENT`; like `sync` when what has to go cannot be written, though the limit holds.
   */
  async setLimit(limit: number): Promise<void> {
    checkOptions({ ...this.#options, limit });
    this.#room.limit = limit;
    await this.#room.shrinkNow();
  }

  /**
   * Changes how much the entries may weigh together, in a cache with `weigh`. Resolves when they weigh no more, or all
   * the rest is pinned.
   *
   * @throws like `setLimit`.
   */
  async setMaxWeight(maxWeight: number): Promise<void> {
    checkOptions({ ...this.#options, maxWeight });
    if (this.#residents.weights) this.#residents.weights.most = maxWeight;
    await this.#room.shrinkNow();
  }

  override get pending(): boolean {
    return this.#dirty.pending;
  }

  protected override get moment(): number {
    return this.#dirty.moment;
  }

  protected override isDurable(moment: number): boolean {
    return this.#dirty.isDurable(moment);
  }

  protected override edgeChanged(type: "depend" | "satisfy", other: FlushNode): void {
    if (type === "satisfy") this.#tally.dependencyFlushes++;
    this.#options.observer?.({ type, cache: this.name, on: other.name });
  }

  #load(key: K, wait: LoadWait): V | PromiseLike<V> {
    this.#tally.loads++;
    this.#options.observer?.({ type: "load", cache: this.name, key });
    return this.#options.io.load(key, wait);
  }

  /** A load or store of the key that is under way. */
  #busy(key: K): Promise<void> | undefined {
    const slot = this.#entries.slotOf(key);
    return this.#loads.settled(key) ?? (slot === undefined ? undefined : this.#dirty.get(slot)?.storing);
  }

  #roomOwner(): RoomOwner {
    return {
      name: this.name,
      strict: this.#options.strict ?? false,
      roundSize: this.#options.evictionBatch ?? 16,
      clean: (due) => this.#clean(due),
    };
  }

  /** Makes entries droppable. */
  #clean(due: readonly DirtyEntry[]): Promise<void> {
    return this.#options.dropUnsynced ? this.#flushes.store(due) : this.#flushes.storeAndSync(due);
  }
}
