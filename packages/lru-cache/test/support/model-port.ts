import type { EntryIo } from "../../src/index.js";

/** What the scenarios need of a cache. */
export interface Subject<K, V> {
  acquire(key: K): Promise<SubjectLease<V>>;
  flush(): Promise<void>;
}

/** What the scenarios need of a lease. */
export interface SubjectLease<V> {
  readonly value: V;
  markDirty(): void;
  release(): void;
}

interface PortEntry<V> {
  readonly value: V;
  lastUsed: number;
  pins: number;
  dirty: boolean;
}

/**
 * The algorithm of the model (the asynchronous LRU cache of the Rust crate imago), in its own words and no further than
 * the scenarios need: one lock around the map, held while an entry is loaded and while one is evicted; a scan for the
 * oldest entry; a list of dependencies behind a lock of its own, flushed and popped before every write-back; a look for
 * cycles among the direct dependencies alone; all writes of a flush started at once; no sync.
 */
export class ModelPort<K, V> implements Subject<K, V> {
  /** How many entries evictions have looked at. */
  scanned = 0;
  readonly #limit: number;
  readonly #io: EntryIo<K, V>;
  readonly #map = new Map<K, PortEntry<V>>();
  readonly #mapLock = new ReadWriteLock();
  readonly #flushBefore: ModelPort<K, V>[] = [];
  readonly #flushBeforeLock = new ReadWriteLock();
  #clock = 0;

  constructor(limit: number, io: EntryIo<K, V>) {
    this.#limit = limit;
    this.#io = io;
  }

  async acquire(key: K): Promise<SubjectLease<V>> {
    const hit = await this.#mapLock.read(async () => this.#map.get(key));
    if (hit) return this.#pin(hit);
    return this.#mapLock.write(async () => {
      const present = this.#map.get(key);
      if (present) return this.#pin(present);
      while (this.#map.size >= this.#limit) await this.#evictOne();
      const value = await this.#io.load(key, { signal: new AbortController().signal });
      const entry = { value, lastUsed: 0, pins: 0, dirty: false };
      this.#map.set(key, entry);
      return this.#pin(entry);
    });
  }

  flush(): Promise<void> {
    return this.#flushBeforeLock.write(async () => {
      await this.#flushDependencies();
      await this.#mapLock.read(async () => {
        await Promise.all(Array.from(this.#map, ([key, entry]) => this.#store(key, entry)));
      });
    });
  }

  async dependsOn(other: ModelPort<K, V>): Promise<void> {
    for (;;) {
      const done = await this.#flushBeforeLock.write(async () => {
        if (this.#flushBefore.includes(other)) return true;
        const circular = await other.#flushBeforeLock.read(async () => other.#flushBefore.includes(this));
        if (!circular) this.#flushBefore.push(other);
        return !circular;
      });
      if (done) return;
      await other.flush();
    }
  }

  async #evictOne(): Promise<void> {
    let oldest: [K, PortEntry<V>] | undefined;
    for (const one of this.#map) {
      this.scanned++;
      if (one[1].pins === 0 && (!oldest || one[1].lastUsed < oldest[1].lastUsed)) oldest = one;
    }
    if (!oldest) throw new Error("everything is in use");
    const [key, entry] = oldest;
    this.#map.delete(key);
    await this.#flushBeforeLock.write(async () => {
      await this.#flushDependencies();
      try {
        await this.#store(key, entry);
      } catch (error) {
        this.#map.set(key, entry);
        throw error;
      }
    });
  }

  async #flushDependencies(): Promise<void> {
    for (let next = this.#flushBefore.pop(); next; next = this.#flushBefore.pop()) {
      try {
        await next.flush();
      } catch (error) {
        this.#flushBefore.push(next);
        throw error;
      }
    }
  }

  async #store(key: K, entry: PortEntry<V>): Promise<void> {
    if (!entry.dirty) return;
    await this.#io.store(key, entry.value);
    entry.dirty = false;
  }

  #pin(entry: PortEntry<V>): SubjectLease<V> {
    entry.lastUsed = ++this.#clock;
    entry.pins++;
    return {
      value: entry.value,
      markDirty: () => void (entry.dirty = true),
      release: () => void entry.pins--,
    };
  }
}

/** Many readers or one writer, first come, first served. */
class ReadWriteLock {
  #readers = 0;
  #writing = false;
  readonly #queue: { readonly write: boolean; readonly enter: () => void }[] = [];

  read<T>(use: () => Promise<T>): Promise<T> {
    return this.#use(false, use);
  }

  write<T>(use: () => Promise<T>): Promise<T> {
    return this.#use(true, use);
  }

  async #use<T>(write: boolean, use: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.#queue.push({ write, enter });
      this.#admit();
    });
    try {
      return await use();
    } finally {
      if (write) this.#writing = false;
      else this.#readers--;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      if (this.#writing || (next.write && this.#readers > 0)) return;
      this.#queue.shift();
      if (next.write) this.#writing = true;
      else this.#readers++;
      next.enter();
    }
  }
}
