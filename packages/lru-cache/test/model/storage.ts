import type { EntryIo, LoadWait } from "../../src/index.js";
import type { Choices } from "./choices.ts";
import type { Pending } from "./pending.ts";

/** A value: which modification of its key it has. Versions of a key only grow. */
export interface Cell {
  version: number;
  /** Whether it has not been in a cache yet. */
  fresh: boolean;
}

/** What a storage fails with. */
export class Injected extends Error {}

/** What becomes of one call of the entry I/O. */
type Fate = "at once" | "later" | "fails at once" | "fails later";

/** One write, from its begin. */
interface Write {
  readonly key: number;
  readonly version: number;
  /** A sync has failed since it began: the system may have thrown it away, and it never becomes durable. */
  lost: boolean;
  /** The cache has heard of a failed sync since: it may not know that the write was covered by one that went well. */
  doubted: boolean;
}

/** Who watches a storage. */
export interface StorageWatcher {
  violate(rule: string, detail: string): void;
  note(line: string): void;
  loadBegins(key: number): void;
  storeBegins(key: number, version: number): void;
}

export interface StorageOptions {
  readonly maxWriteBacks: number;
  /** Whether a store is durable only after a sync. */
  readonly syncs: boolean;
  readonly syncsFail: boolean;
}

/** The storage of one cache: a map, a map of what is durable, and what is on its way. */
export class ModelStorage {
  /** Nothing fails any more. */
  reliable = false;
  readonly durable: Map<number, number> = new Map();
  readonly calls = { loads: 0, writeBacks: 0, syncs: 0 };
  readonly #choices: Choices;
  readonly #pending: Pending;
  readonly #watcher: StorageWatcher;
  readonly #options: StorageOptions;
  /** The last write of each key that has ended well. */
  readonly #stored = new Map<number, Write>();
  /** Writes that have ended well and are not durable. */
  #volatile: Write[] = [];
  readonly #writing = new Set<Write>();
  readonly #loading = new Map<number, LoadWait>();
  #stores = 0;
  #syncing = false;

  constructor(choices: Choices, pending: Pending, watcher: StorageWatcher, options: StorageOptions) {
    this.#choices = choices;
    this.#pending = pending;
    this.#watcher = watcher;
    this.#options = options;
  }

  /** What a load of the key would read. */
  versionOf(key: number): number {
    return this.#stored.get(key)?.version ?? 0;
  }

  durableVersionOf(key: number): number {
    return this.durable.get(key) ?? 0;
  }

  get io(): EntryIo<number, Cell> {
    const io = {
      load: (key: number, wait: LoadWait) => this.#load(key, wait),
      store: (key: number, cell: Cell) => this.#store([[key, cell]]),
      storeMany: (entries: readonly (readonly [number, Cell])[]) => this.#store(entries),
    };
    return this.#options.syncs ? { ...io, sync: () => this.#sync() } : io;
  }

  /** The cache has heard that a sync has failed. */
  failureHeard(): void {
    for (const write of [...this.#stored.values(), ...this.#writing]) write.doubted = true;
  }

  #load(key: number, wait: LoadWait): Cell | Promise<Cell> {
    this.calls.loads++;
    const other = this.#loading.get(key);
    if (other && !other.signal.aborted) this.#watcher.violate("one load per key", `two loads of ${key}`);
    for (const write of this.#writing) {
      if (write.key === key) this.#watcher.violate("no stale reload", `load of ${key} while it is written`);
    }
    this.#watcher.loadBegins(key);
    this.#loading.set(key, wait);
    const early = this.#choices.oneIn(2) ? this.versionOf(key) : undefined;
    const end = () => {
      if (this.#loading.get(key) === wait) this.#loading.delete(key);
    };
    const succeed = () => {
      end();
      return { version: early ?? this.versionOf(key), fresh: true };
    };
    return this.#answer(`load ${key}`, this.#fate(false), succeed, end);
  }

  #store(entries: readonly (readonly [number, Cell])[]): void | Promise<void> {
    const writes = entries.map(([key, { version }]) => ({ key, version, lost: false, doubted: false }));
    for (const { key, version } of writes) {
      for (const write of this.#writing) {
        if (write.key === key) this.#watcher.violate("no overlapping stores", `two stores of ${key} at once`);
      }
      const last = this.#stored.get(key);
      if (last && last.version === version && !last.lost && !last.doubted) {
        this.#watcher.violate("no needless store", `${key} is stored again though it is clean`);
      }
      this.#watcher.storeBegins(key, version);
    }
    if (++this.#stores > this.#options.maxWriteBacks) {
      this.#watcher.violate("bounded write-backs", `${this.#stores} stores at once`);
    }
    for (const write of writes) this.#writing.add(write);
    const label = `store ${writes.map(({ key, version }) => `${key}=${version}`).join(" ")}`;
    const end = () => {
      for (const write of writes) this.#writing.delete(write);
      this.#stores--;
    };
    return this.#answer(
      label,
      this.#fate(false),
      () => {
        end();
        this.calls.writeBacks += writes.length;
        for (const write of writes) {
          this.#stored.set(write.key, write);
          if (this.#options.syncs) this.#volatile.push(write);
          else this.durable.set(write.key, write.version);
        }
      },
      end,
    );
  }

  #sync(): void | Promise<void> {
    this.calls.syncs++;
    if (this.#syncing) this.#watcher.violate("one sync at a time", "two syncs at once");
    this.#syncing = true;
    const covered = [...this.#volatile];
    const end = () => {
      this.#syncing = false;
    };
    const succeed = () => {
      end();
      for (const { key, version, lost } of covered) if (!lost) this.durable.set(key, version);
      this.#volatile = this.#volatile.filter((write) => !covered.includes(write));
    };
    const fail = () => {
      end();
      for (const write of [...this.#volatile, ...this.#writing]) write.lost = true;
      this.#volatile = [];
    };
    return this.#answer("sync", this.#fate(!this.#options.syncsFail), succeed, fail);
  }

  #fate(reliable: boolean): Fate {
    const fails = !this.reliable && !reliable && this.#choices.oneIn(7);
    const now = this.#choices.oneIn(4);
    if (fails) return now ? "fails at once" : "fails later";
    return now ? "at once" : "later";
  }

  #answer<T>(label: string, fate: Fate, succeed: () => T, fail: () => void = () => {}): T | Promise<T> {
    this.#watcher.note(`${label} ${fate}`);
    const failure = () => (fail(), new Injected(label));
    if (fate === "at once") return succeed();
    if (fate === "fails at once") throw failure();
    return new Promise((resolve, reject) => {
      this.#pending.add(label, () => {
        this.#watcher.note(`${label} ends`);
        if (fate === "later" || this.reliable) resolve(succeed());
        else reject(failure());
      });
    });
  }
}
