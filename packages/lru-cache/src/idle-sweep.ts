import type { Entries } from "./entries.js";

/** An entry as it was when it was found idle; used since when its stamp is another one. */
export interface IdleEntry {
  readonly slot: number;
  readonly stamp: number;
}

/** Finds the entries that were neither used nor pinned since it looked for them last. */
export class IdleSweep {
  readonly #entries: Pick<Entries<unknown, unknown>, "slots" | "idleStamp" | "isPinned" | "clock">;
  /** The clock at the last look. */
  #since = 0;
  /** What was pinned then. */
  #held = new Set<number>();

  constructor(entries: Pick<Entries<unknown, unknown>, "slots" | "idleStamp" | "isPinned" | "clock">) {
    this.#entries = entries;
  }

  /** Forgets when it looked last: stamps have been given anew, so everything counts as used. */
  reset(): void {
    this.#since = 0;
  }

  next(): IdleEntry[] {
    const unused: IdleEntry[] = [];
    const held = new Set<number>();
    for (const slot of this.#entries.slots()) {
      if (this.#entries.isPinned(slot)) {
        held.add(slot);
        continue;
      }
      const stamp = this.#entries.idleStamp(slot);
      if (stamp <= this.#since && !this.#held.has(slot)) unused.push({ slot, stamp });
    }
    this.#since = this.#entries.clock;
    this.#held = held;
    return unused;
  }
}
