import type { DirtyEntries, DirtyEntry } from "./dirty-entries.js";
import type { Entries } from "./entries.js";
import { CacheError } from "./errors.js";
import type { LruOrder } from "./lru-order.js";

/** What making room needs of a cache. */
export interface RoomOwner {
  readonly name: string;
  readonly strict: boolean;
  /** How many dirty entries one round writes. */
  readonly roundSize: number;
  /** Whether the cache holds more than it should, were `more` entries to come. */
  exceeds(more: number): boolean;
  /** Removes a clean or droppable entry that nobody holds. */
  evict(slot: number): void;
  /** Whether the entry must reach storage before it may be dropped. */
  isDroppable(slot: number): boolean;
  /** Stores entries, dependencies first, and makes them droppable. */
  clean(entries: readonly DirtyEntry[]): Promise<void>;
}

/**
 * Makes room by dropping the least recently used entries that nobody holds. Where the oldest is dirty, one round writes
 * it and others that are due soon, so that they share one flush of the dependencies and one sync. Nothing is dropped
 * during a round: after it, the oldest entry is looked for again, so an entry that was wanted meanwhile stays.
 */
export class Room {
  readonly #owner: RoomOwner;
  readonly #entries: Pick<Entries<unknown, unknown>, "size">;
  readonly #order: LruOrder;
  readonly #dirty: DirtyEntries;
  #reserved = 0;
  #round: Promise<void> | undefined;

  constructor(
    owner: RoomOwner,
    entries: Pick<Entries<unknown, unknown>, "size">,
    order: LruOrder,
    dirty: DirtyEntries,
  ) {
    this.#owner = owner;
    this.#entries = entries;
    this.#order = order;
    this.#dirty = dirty;
  }

  /** Places promised to loads under way. */
  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Reserves a place for one more entry, at once where that is possible.
   *
   * @throws `CacheError` `ERR_ALL_PINNED` when the cache is strict and full of pinned entries; what a write-back throws.
   */
  reserve(): Promise<void> | undefined {
    return this.#tryReserve() ? undefined : this.#reserveLater();
  }

  /** Gives a reserved place back, or up to the entry that takes it. */
  unreserve(): void {
    this.#reserved--;
  }

  /** Drops what is too much; what must be written first is written in the background. */
  shrink(): void {
    if (this.#round || this.#dropOldest(0) !== "blocked") return;
    void this.#clean().then(
      () => this.shrink(),
      // The entries are still there and dirty. Whoever needs room or flushes next tries again, and is told.
      () => {},
    );
  }

  /** Like `shrink`, but waits for what must be written, and reports when it cannot be. */
  async shrinkNow(): Promise<void> {
    while (this.#dropOldest(0) === "blocked") {
      const failed = await this.#cleanOrFailure();
      if (failed && this.#dropOldest(0) === "blocked") throw failed.reason;
    }
  }

  #tryReserve(): boolean {
    const dropped = this.#dropOldest(1);
    if (dropped === "blocked") return false;
    if (dropped === "pinned" && this.#owner.strict) {
      const size = this.#entries.size + this.#reserved;
      throw new CacheError("ERR_ALL_PINNED", `${this.#owner.name}: everything is in use (${size} entries)`);
    }
    this.#reserved++;
    return true;
  }

  async #reserveLater(): Promise<void> {
    for (;;) {
      const failed = await this.#cleanOrFailure();
      if (this.#tryReserve()) return;
      if (failed) throw failed.reason;
    }
  }

  /** Drops the oldest entries while there are too many. */
  #dropOldest(more: number): "fits" | "pinned" | "blocked" {
    while (this.#owner.exceeds(more)) {
      const slot = this.#order.oldest();
      if (slot === -1) return "pinned";
      if (!this.#owner.isDroppable(slot)) return "blocked";
      this.#owner.evict(slot);
    }
    return "fits";
  }

  async #cleanOrFailure(): Promise<{ readonly reason: unknown } | undefined> {
    try {
      await this.#clean();
      return undefined;
    } catch (reason) {
      return { reason };
    }
  }

  #clean(): Promise<void> {
    if (!this.#round) {
      const due: DirtyEntry[] = [];
      for (const slot of this.#order.oldestFew(this.#owner.roundSize)) {
        const entry = this.#dirty.get(slot);
        if (entry) due.push(entry);
      }
      this.#round = this.#owner.clean(due).finally(() => {
        this.#round = undefined;
      });
    }
    return this.#round;
  }
}
