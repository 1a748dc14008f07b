import type { DirtyEntry } from "./dirty-entries.js";
import { CacheError } from "./errors.js";
import type { Residents } from "./residents.js";

/** What making room needs of a cache. */
export interface RoomOwner {
  readonly name: string;
  /** Whether it refuses more while everything is pinned. */
  readonly strict: boolean;
  /** How many dirty entries one round writes. */
  readonly roundSize: number;
  /** Stores entries, dependencies first, and makes droppable what could be stored. */
  clean(entries: readonly DirtyEntry[]): Promise<void>;
}

/**
 * Makes room by dropping the least recently used entries that nobody holds. Where the oldest is dirty, one round writes
 * it and others that are due soon, so that they share one flush of the dependencies and one sync. Nothing is dropped
 * during a round: after it, the oldest entry is looked for again, so an entry that was wanted meanwhile stays.
 */
export class Room<K, V> {
  /** How many entries the cache keeps. */
  limit: number;
  readonly #owner: RoomOwner;
  readonly #residents: Residents<K, V>;
  #reserved = 0;
  #round: Promise<void> | undefined;

  constructor(limit: number, owner: RoomOwner, residents: Residents<K, V>) {
    this.limit = limit;
    this.#owner = owner;
    this.#residents = residents;
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
    if (this.#round) return;
    const dropped = this.#dropOldest(0);
    this.#residents.entries.overfull = dropped !== "fits";
    if (dropped !== "blocked") return;
    void this.#clean().then(
      () => this.shrink(),
      // The entries are still there and dirty. Whoever needs room or flushes next tries again, and is told.
      () => {},
    );
  }

  /** Like `shrink`, but waits for what must be written, and reports when it cannot be. */
  async shrinkNow(): Promise<void> {
    this.#residents.entries.overfull = true;
    while (this.#dropOldest(0) === "blocked") {
      const failed = await this.#cleanOrFailure();
      if (failed && this.#dropOldest(0) === "blocked") throw failed.reason;
    }
  }

  #tryReserve(): boolean {
    const dropped = this.#dropOldest(1);
    if (dropped === "blocked") return false;
    if (dropped === "pinned" && this.#owner.strict) {
      const size = this.#residents.entries.size + this.#reserved;
      throw new CacheError("ERR_ALL_PINNED", `${this.#owner.name}: everything is in use (${size} entries)`);
    }
    if (dropped === "pinned") this.#residents.entries.overfull = true;
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
    while (this.#residents.exceed(this.limit, this.#reserved + more)) {
      const slot = this.#residents.order.oldest();
      if (slot === -1) return "pinned";
      if (!this.#residents.isDroppable(slot)) return "blocked";
      this.#residents.evict(slot);
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
      for (const slot of this.#residents.order.oldestFew(this.#owner.roundSize)) {
        const entry = this.#residents.dirty.get(slot);
        if (entry) due.push(entry);
      }
      this.#round = this.#owner.clean(due).finally(() => {
        this.#round = undefined;
      });
    }
    return this.#round;
  }
}
