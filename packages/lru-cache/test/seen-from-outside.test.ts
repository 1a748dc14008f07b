import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../src/index.js";
import { codeOf, rig } from "./support/caches.js";

describe("guarantee 12: counters", () => {
  it("count hits, misses, loads, evictions, write-backs, dependency flushes and syncs", async () => {
    const { cache, disk, write, touch } = rig({ limit: 2 });
    const other = rig({ name: "other" });
    expect(Object.values(cache.counters)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    await touch("x", "x");
    disk.hold("load");
    const two = [cache.acquire("y"), cache.acquire("y")];
    disk.letGo("load");
    for (const lease of await Promise.all(two)) lease.release();
    expect(cache.counters).toMatchObject({ hits: 1, misses: 3, loads: 2 });
    expect(cache.tryAcquire("nowhere")).toBeUndefined();
    expect(cache.counters).toMatchObject({ hits: 1, misses: 3, loads: 2 });
    await other.write("1", "o");
    await cache.dependsOn(other.cache);
    await write("1", "x");
    await cache.sync();
    expect(cache.counters).toMatchObject({ writeBacks: 1, dependencyFlushes: 1, syncs: 1, evictions: 0 });
    await touch("z");
    expect(cache.counters).toMatchObject({ evictions: 1, hits: 2, misses: 4 });
  });

  it("are a picture of the moment", async () => {
    const { cache, touch } = rig();
    const before = cache.counters;
    await touch("x");
    expect(before.misses).toBe(0);
  });

  it("do not count stores and flushes that failed, but syncs that were tried", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.fail("store", new Error("broken"));
    await codeOf(cache.sync());
    expect(cache.counters).toMatchObject({ writeBacks: 0, syncs: 0 });
    disk.fail("store");
    disk.fail("sync", new Error("broken"));
    await codeOf(cache.sync());
    expect(cache.counters).toMatchObject({ writeBacks: 1, syncs: 1 });
  });
});

describe("guarantee 12: the observer", () => {
  it("is told what happens, in order", async () => {
    const events: CacheEvent<string>[] = [];
    const observer = (event: CacheEvent<string>) => void events.push(event);
    const a = rig({ name: "a", limit: 1, observer });
    const b = rig({ name: "b", observer });
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.touch("other");
    b.disk.fail("store", new Error("broken"));
    await b.write("2", "x");
    await codeOf(b.cache.sync());
    b.disk.fail("store");
    b.disk.fail("sync", new Error("broken"));
    await codeOf(b.cache.sync());
    expect(
      events.map((event) => {
        const what = "keys" in event ? event.keys.join() : "key" in event ? event.key : "on" in event ? event.on : "";
        return `${event.cache}: ${event.type} ${what}`.trim();
      }),
    ).toEqual([
      "b: load x",
      "a: depend b",
      "a: load z",
      "b: store x",
      "b: stored x",
      "b: sync",
      "b: synced",
      "a: satisfy b",
      "a: store z",
      "a: stored z",
      "a: sync",
      "a: synced",
      "a: evict z",
      "a: load other",
      "b: store x",
      "b: store-failed x",
      "b: store x",
      "b: stored x",
      "b: sync",
      "b: sync-failed",
    ]);
  });

  it("sees a consistent cache, and may use it", async () => {
    const seen: string[] = [];
    const observed = rig({
      limit: 1,
      observer: (event) => {
        if (event.type === "evict") seen.push(`${event.key} is ${observed.cache.has(event.key) ? "there" : "gone"}`);
        observed.cache.tryAcquire("x")?.release();
      },
    });
    await observed.write("1", "x");
    await observed.touch("y", "z");
    expect(seen).toEqual(["x is gone", "y is gone"]);
    expect(observed.cache.size).toBe(1);
  });
});
