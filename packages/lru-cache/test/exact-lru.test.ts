import { describe, expect, it } from "vitest";
import { Entries } from "../src/entries.js";
import { AsyncLruCache } from "../src/index.js";
import { LruOrder } from "../src/lru-order.js";
import { randomOf, seedOf } from "./support/random.js";

/** Entries with their order, and nothing else; counts how many stamps are looked at. */
class Ordered {
  looked = 0;
  readonly order: LruOrder;
  readonly entries: Entries<number, number>;

  constructor(clock = 0) {
    const events = {
      unpinned: (slot: number, stamp: number) => this.order.unpinned(slot, stamp),
      modified: () => {},
      reordered: () => this.order.reset(),
    };
    this.entries = new Entries<number, number>(events, 1, clock);
    const look = this.entries.idleStamp.bind(this.entries);
    this.entries.idleStamp = (slot) => {
      this.looked++;
      return look(slot);
    };
    this.order = new LruOrder(this.entries);
  }

  /** Adds an entry and keeps it pinned. */
  pinNew(key: number) {
    return this.entries.pin(this.entries.add(key, key));
  }

  touch(key: number): void {
    this.entries.pin(this.entries.slotOf(key) ?? -1).release();
  }

  evict(): number {
    const slot = this.order.oldest();
    const key = this.entries.keyAt(slot);
    this.entries.remove(slot);
    return key;
  }
}

describe("guarantee 9: exact LRU without scans", () => {
  it.each([1, 2, 10, 100, 5000])("the victim is the entry whose last use is longest ago (%i entries)", (limit) => {
    const seed = seedOf();
    const random = randomOf(seed);
    const cache = new AsyncLruCache<number, number>({ limit, io: { load: (key) => key, store: () => {} } });
    // A map in order of insertion is the reference: the first key is the oldest.
    const reference = new Map<number, true>();
    const use = async (key: number) => {
      (await cache.acquire(key)).release();
      reference.delete(key);
      reference.set(key, true);
      const [oldest] = reference.keys();
      if (reference.size > limit && oldest !== undefined) reference.delete(oldest);
    };
    const run = async () => {
      for (let step = 0; step < limit * 6 + 300; step++) {
        await use(Math.floor(random() * limit * 1.5));
        if (step % Math.ceil(limit / 3) !== 0) continue;
        expect(
          [...cache.keys()].toSorted((a, b) => a - b),
          `seed ${seed}`,
        ).toEqual([...reference.keys()].toSorted((a, b) => a - b));
      }
    };
    return run();
  });

  it.each([10, 2000, 12_000])("with pins that come and go at random, the order is exact (%i entries)", (size) => {
    const seed = seedOf();
    const random = randomOf(seed);
    const ordered = new Ordered();
    const leases = new Map<number, { release(): void }>();
    const used = new Map<number, number>();
    let clock = 0;
    let next = 0;
    const oldest = () => {
      let found = -1;
      for (const [key, stamp] of used) {
        if (!leases.has(key) && (found === -1 || stamp < (used.get(found) ?? 0))) found = key;
      }
      return found;
    };
    while (next < size) {
      leases.set(next, ordered.pinNew(next));
      used.set(next++, clock++);
    }
    for (let step = 0; step < 3000; step++) {
      const [held] = leases.keys();
      const key = Math.floor(random() * next);
      const chance = random();
      if (chance < 0.45 && held !== undefined) {
        leases.get(held)?.release();
        leases.delete(held);
      } else if (chance < 0.6 && used.has(key)) {
        if (leases.has(key)) continue;
        leases.set(key, ordered.entries.pin(ordered.entries.slotOf(key) ?? -1));
        used.set(key, clock++);
      } else if (ordered.entries.idle > 0) {
        const expected = oldest();
        expect(ordered.evict(), `seed ${seed}, step ${step}`).toBe(expected);
        used.delete(expected);
        leases.set(next, ordered.pinNew(next));
        used.set(next++, clock++);
      }
    }
  });

  it("what an eviction costs does not grow with the number of entries", () => {
    const cost = (size: number) => {
      const ordered = new Ordered();
      for (let key = 0; key < size; key++) ordered.pinNew(key).release();
      for (let key = 0; key < size; key += 3) ordered.touch(key);
      ordered.evict();
      ordered.looked = 0;
      for (let key = size; key < 3 * size; key++) {
        ordered.evict();
        ordered.pinNew(key).release();
      }
      return ordered.looked / (2 * size);
    };
    expect(cost(100_000)).toBeLessThan(2 * cost(1000) + 10);
  });

  it("nor when nearly everything is pinned", () => {
    const cost = (size: number) => {
      const ordered = new Ordered();
      for (let key = 0; key < size; key++) ordered.pinNew(key);
      ordered.pinNew(size).release();
      for (let key = size + 1; key < size + 5000; key++) {
        expect(ordered.evict()).toBe(key - 1);
        ordered.pinNew(key).release();
      }
      return ordered.looked / 5000;
    };
    expect(cost(50_000)).toBeLessThan(cost(2000) + 50);
  });

  it("nor when many pins end, oldest first, without an eviction between", () => {
    const ordered = new Ordered();
    const leases = Array.from({ length: 50_000 }, (_, key) => ordered.pinNew(key));
    ordered.pinNew(50_000).release();
    expect(ordered.evict()).toBe(50_000);
    ordered.looked = 0;
    for (const lease of leases) lease.release();
    for (const key of leases.keys()) expect(ordered.evict()).toBe(key);
    expect(ordered.looked).toBeLessThan(50_000 * 20);
  });

  it("nor when the cache has become much smaller than it was", () => {
    const ordered = new Ordered();
    for (let key = 0; key < 100_000; key++) ordered.pinNew(key).release();
    while (ordered.entries.size > 10) ordered.evict();
    ordered.looked = 0;
    for (let key = 100_000; key < 102_000; key++) {
      ordered.evict();
      ordered.pinNew(key).release();
    }
    expect(ordered.looked / 2000).toBeLessThan(50);
  });

  it("a hit looks at nothing", () => {
    const ordered = new Ordered();
    for (let key = 0; key < 1000; key++) ordered.pinNew(key).release();
    ordered.evict();
    ordered.looked = 0;
    for (let key = 1; key < 1000; key++) ordered.touch(key);
    expect(ordered.looked).toBe(0);
  });

  it("the order survives the moment when the stamps run out", () => {
    const ordered = new Ordered(2 ** 32 - 20);
    const leases = [3, 1, 4].map((key) => ordered.pinNew(key));
    for (const key of [15, 9, 2, 6, 5, 35, 8]) ordered.pinNew(key).release();
    for (const key of [9, 15, 2]) ordered.touch(key);
    for (const lease of leases) lease.release();
    const evicted = [];
    while (ordered.entries.size > 0) evicted.push(ordered.evict());
    expect(evicted).toEqual([3, 1, 4, 6, 5, 35, 8, 9, 15, 2]);
    expect(ordered.entries.clock).toBeLessThan(1000);
  });
});
