import { type Event, Register } from "./register.ts";

interface Entry {
  readonly register: Register<number>;
  readonly event: Event<number>;
}

/** When a sync of the disk was under way. */
export interface SyncTime {
  readonly begin: number;
  end: number;
}

/** What a guest has done to a disk, told register by register, and what that allows after a power cut. */
export class Ledger {
  readonly sectors: readonly Register<number>[];
  /** Size of the disk in sectors. */
  readonly size: Register<number>;
  /** By the name of a snapshot: whether there is one (1) or none (0), and what it holds. */
  readonly snapshots = new Map<string, { readonly exists: Register<number>; readonly values: readonly number[] }>();
  /** The same of bitmaps, with what the disk held when one was added, if that is still what it counts from. */
  readonly bitmaps = new Map<string, { readonly exists: Register<number>; baseline: readonly number[] | undefined }>();
  /** What the disk is, as its scene puts it into a number: 0 at first. */
  readonly form: Register<number> = new Register(0);
  readonly #entries: Entry[] = [];
  readonly #syncs: SyncTime[] = [];
  readonly #undecided = new Set<Register<number>>();
  #next = 0;
  #waiting: SyncTime[] = [];
  #nextSync = 0;

  constructor(firstValues: readonly number[], firstSize: number) {
    this.sectors = firstValues.map((value) => new Register(value));
    this.size = new Register(firstSize);
  }

  /** Notes what begins to be done to a register. Events are noted in the order in which they begin. */
  note(register: Register<number> | undefined, event: Event<number>): void {
    if (register) this.#entries.push({ register, event });
  }

  noteSync(sync: SyncTime): void {
    this.#syncs.push(sync);
  }

  /** Goes on to a later moment. */
  advance(moment: number): void {
    for (let entry = this.#entries[this.#next]; entry && entry.event.begin <= moment;) {
      entry.register.begin(entry.event);
      this.#undecided.add(entry.register);
      entry = this.#entries[++this.#next];
    }
    for (let sync = this.#syncs[this.#nextSync]; sync && sync.begin <= moment;) {
      this.#waiting.push(sync);
      sync = this.#syncs[++this.#nextSync];
    }
    const synced = Math.max(0, ...this.#waiting.filter(({ end }) => end <= moment).map(({ begin }) => begin));
    if (synced === 0) return;
    this.#waiting = this.#waiting.filter(({ end }) => end > moment);
    for (const register of this.#undecided) {
      register.settle(synced);
      if (!register.undecided) this.#undecided.delete(register);
    }
  }

  isUndecided(sector: number): boolean {
    return this.sectors[sector]?.undecided ?? false;
  }
}
