/**
 * How far the modifications of one entry have come. Versions are moments of the cache's clock of modifications.
 * Modified but not stored: dirty. Stored but not synced: still pending. Durable in its last version: no record.
 */
export interface DirtyEntry {
  readonly slot: number;
  /** The last modification. */
  version: number;
  /** What the last successful store captured. */
  stored: number;
  /** What the last successful sync covered. */
  durable: number;
  /** Settles, always well, when the store under way has ended. */
  storing: Promise<void> | undefined;
}

/** The entries of a cache that are not durable in their last version. */
export class DirtyEntries {
  readonly #bySlot = new Map<number, DirtyEntry>();
  readonly #unsynced = new Set<DirtyEntry>();
  #moment = 0;
  #durableMoment = 0;
  /** Entries that were dropped between store and sync. */
  #dropped = 0;
  #stores = 0;
  #failedSyncs = 0;

  /** When an entry was modified last. */
  get moment(): number {
    return this.#moment;
  }

  /** Whether any entry is dirty, or stored and not synced. */
  get pending(): boolean {
    return this.#bySlot.size > 0 || this.#dropped > 0;
  }

  /** Whether a sync would make anything durable. */
  get unsynced(): boolean {
    return this.#unsynced.size > 0 || this.#dropped > 0;
  }

  /** How many stores have succeeded. */
  get stores(): number {
    return this.#stores;
  }

  /** How many syncs have failed. A store that one of them came across counts as not done. */
  get failedSyncs(): number {
    return this.#failedSyncs;
  }

  /** How many entries are pending. */
  get size(): number {
    return this.#bySlot.size;
  }

  get(slot: number): DirtyEntry | undefined {
    return this.#bySlot.get(slot);
  }

  /** Whether the entry is still this one: neither durable nor dropped since. */
  has(entry: DirtyEntry): boolean {
    return this.#bySlot.get(entry.slot) === entry;
  }

  /** The entries that a flush has to store. */
  toStore(): DirtyEntry[] {
    return Array.from(this.#bySlot.values()).filter((entry) => entry.stored < entry.version);
  }

  /** The entry in a slot has been modified. */
  modified(slot: number): void {
    const entry = this.#bySlot.get(slot);
    const version = ++this.#moment;
    if (entry) entry.version = version;
    else this.#bySlot.set(slot, { slot, version, stored: 0, durable: 0, storing: undefined });
  }

  /** A store that captured `version` has succeeded. */
  stored(entry: DirtyEntry, version: number, durable: boolean): void {
    this.#stores++;
    if (!this.has(entry)) return;
    entry.stored = version;
    this.#unsynced.add(entry);
    if (durable) this.#settle(entry, version);
  }

  /** What a sync that begins now will cover. */
  beginSync(): SyncCoverage {
    const entries = Array.from(this.#unsynced, (entry) => ({ entry, version: entry.stored }));
    return { entries, dropped: this.#dropped };
  }

  /** A sync has succeeded. */
  synced(coverage: SyncCoverage): void {
    for (const { entry, version } of coverage.entries) this.#settle(entry, version);
    this.#dropped -= coverage.dropped;
  }

  /**
   * A sync has failed. The system may have thrown away what it could not write, and a later sync would not tell: all
   * that was stored and is not durable is dirty again.
   */
  syncFailed(): void {
    this.#failedSyncs++;
    for (const entry of this.#unsynced) entry.stored = entry.durable;
    this.#unsynced.clear();
  }

  /** Forgets the entry in a slot, because it leaves the cache. */
  drop(slot: number): void {
    const entry = this.#bySlot.get(slot);
    if (!entry) return;
    this.#bySlot.delete(slot);
    if (this.#unsynced.delete(entry)) this.#dropped++;
  }

  /** All that was pending at a moment is durable. */
  durableUntil(moment: number): void {
    this.#durableMoment = Math.max(this.#durableMoment, moment);
  }

  isDurable(moment: number): boolean {
    return moment <= this.#durableMoment || !this.pending;
  }

  #settle(entry: DirtyEntry, version: number): void {
    entry.durable = Math.max(entry.durable, version);
    if (entry.durable === entry.stored) this.#unsynced.delete(entry);
    if (entry.durable === entry.version && this.has(entry)) this.#bySlot.delete(entry.slot);
  }
}

/** What a sync covers. */
export interface SyncCoverage {
  readonly entries: readonly { readonly entry: DirtyEntry; readonly version: number }[];
  readonly dropped: number;
}
