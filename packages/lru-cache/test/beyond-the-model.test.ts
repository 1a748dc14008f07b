import { describe, expect, it } from "vitest";
import type { CacheOptions } from "../src/index.js";
import { codeOf, outcome, quiet, rig, rigs } from "./support/caches.js";
import type { Cell } from "./support/disk.js";

const broken = new Error("broken");
const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);
/** Keys `k0`, `k1`, ... lie side by side. */
const neighbours = {
  next: (key: string) => `k${Number(key.slice(1)) + 1}`,
  previous: (key: string) => (key === "k0" ? undefined : `k${Number(key.slice(1)) - 1}`),
};
const stores = (log: readonly string[]) => log.filter((line) => line.includes("store k"));

describe("group eviction", () => {
  it("one dependency flush and one sync serve many evictions", async () => {
    const { a, b, log } = rigs("a", "b");
    await a.cache.setLimit(16);
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", ...keys(16));
    log.length = 0;
    await a.touch(...Array.from({ length: 16 }, (_, index) => `new${index}`));
    expect(a.cache.counters).toMatchObject({ evictions: 16, writeBacks: 16, dependencyFlushes: 1, syncs: 1 });
    expect(b.cache.counters.syncs).toBe(1);
    expect(a.disk.durable.size).toBe(16);
  });

  it("`evictionBatch` is how many go together", async () => {
    const { cache, write, touch } = rig({ limit: 12, evictionBatch: 4 });
    await write("1", ...keys(12));
    await touch("a");
    expect(cache.counters.writeBacks).toBe(4);
    await touch("b", "c", "d");
    expect(cache.counters).toMatchObject({ evictions: 4, writeBacks: 4, syncs: 1 });
    await touch("e");
    expect(cache.counters).toMatchObject({ evictions: 5, writeBacks: 8, syncs: 2 });
  });

  it("those who wait for room at the same time share a round", async () => {
    const { cache, disk, write } = rig({ limit: 4 });
    await write("1", ...keys(4));
    disk.hold("store");
    const waiting = ["a", "b", "c", "d"].map((key) => cache.acquire(key));
    await quiet();
    disk.letGo("store");
    await Promise.all(waiting);
    expect(cache.counters).toMatchObject({ evictions: 4, writeBacks: 4, syncs: 1 });
  });
});

describe("neighbours", () => {
  const batching = (options: Partial<CacheOptions<string, Cell>> = {}) => rig({ neighbours, ...options });

  it("dirty neighbours are written together, in the order of their keys", async () => {
    const { cache, disk, write } = batching();
    await write("1", "k3", "k1", "k2", "k7", "k6");
    await cache.sync();
    expect(stores(disk.log)).toEqual(["cache: store k1=1 k2=1 k3=1", "cache: store k6=1 k7=1"]);
    expect(cache.counters.writeBacks).toBe(5);
    expect(disk.durable.size).toBe(5);
  });

  it("a clean entry, or one that is missing, ends a batch", async () => {
    const { cache, disk, write, touch } = batching();
    await write("1", "k0", "k2");
    await touch("k1");
    await cache.flush();
    expect(stores(disk.log)).toEqual(["cache: store k0=1", "cache: store k2=1"]);
  });

  it("`maxBatch` is how many go together", async () => {
    const { cache, disk, write } = batching({ maxBatch: 2 });
    await write("1", ...keys(5));
    await cache.flush();
    expect(stores(disk.log).map((line) => line.split("=").length - 1)).toEqual([2, 2, 1]);
  });

  it("an entry that is being stored is in no other batch", async () => {
    const { cache, disk, write } = batching();
    await write("1", "k1");
    disk.hold("store");
    const first = cache.flush();
    await quiet();
    await write("2", "k0", "k1", "k2");
    const second = cache.flush();
    await quiet();
    expect(stores(disk.log)).toEqual(["cache: store k1=1", "cache: store k0=2", "cache: store k2=2"]);
    disk.letGo("store");
    await Promise.all([first, second]);
    await cache.sync();
    expect(disk.durable.get("k1")).toBe("2");
  });

  it("when a batch fails, each of it is tried by itself, so that one bad entry does not keep the others back", async () => {
    const { cache, disk, write } = batching();
    await write("1", ...keys(3));
    disk.fail("store k1", broken);
    await expect(cache.sync()).rejects.toMatchObject({ code: "ERR_WRITE_BACK", keys: ["k1"], cause: broken });
    expect(stores(disk.log)).toEqual([
      "cache: store k0=1 k1=1 k2=1",
      "cache: store k0=1",
      "cache: store k1=1",
      "cache: store k2=1",
    ]);
    expect([...disk.durable.keys()]).toEqual(["k0", "k2"]);
    expect(cache.dirtyCount).toBe(1);
    expect(cache.counters.writeBacks).toBe(2);
    disk.fail("store k1");
    await cache.sync();
    expect(disk.durable.size).toBe(3);
  });

  it("neighbours of a victim go with it", async () => {
    const { disk, write, touch } = batching({ limit: 3, evictionBatch: 1 });
    await write("1", "k0", "k1", "k2");
    await touch("new");
    expect(stores(disk.log)).toEqual(["cache: store k0=1 k1=1 k2=1"]);
  });

  it("neighbours that form a ring do not go round for ever", async () => {
    const next = (key: string) => `k${(Number(key.slice(1)) + 1) % 3}`;
    const { cache, disk, write } = batching({ neighbours: { next, previous: next } });
    await write("1", ...keys(3));
    await cache.sync();
    expect([...disk.durable.keys()].toSorted()).toEqual(keys(3));
  });

  it("neighbours that throw make the store fail, and nothing hangs", async () => {
    let fault: Error | undefined = broken;
    const next = () => {
      if (fault) throw fault;
      return undefined;
    };
    const { cache, write } = batching({ neighbours: { next, previous: next }, maxWriteBacks: 1 });
    await write("1", "k0", "k1");
    await expect(cache.sync()).rejects.toMatchObject({ code: "ERR_WRITE_BACK", keys: ["k0", "k1"] });
    fault = undefined;
    expect(await outcome(cache.sync())).toBe("fulfilled");
    expect(cache.pending).toBe(false);
  });
});

describe("weight", () => {
  const weigh = ({ text }: Cell) => text.length;
  const put = async ({ cache }: ReturnType<typeof rig>, key: string, text: string) => {
    (await cache.insert(key, { text }, { dirty: false })).release();
  };

  it("the oldest entries go when all together weigh too much", async () => {
    const heavy = rig({ weigh, maxWeight: 10 });
    for (const key of ["a", "b", "c"]) await put(heavy, key, "xxxx");
    expect([...heavy.cache.keys()]).toEqual(["b", "c"]);
    expect(heavy.cache.weight).toBe(8);
  });

  it("an entry is weighed again when it is modified", async () => {
    const { cache, write, touch } = rig({ weigh, maxWeight: 10 });
    await touch("old");
    await write("xxxxx", "a", "b");
    expect(cache.weight).toBe(10);
    await write("xxxxxx", "b");
    await quiet();
    expect([...cache.keys()]).toEqual(["b"]);
    expect(cache.weight).toBe(6);
  });

  it("an entry that is too heavy alone is kept while it is pinned", async () => {
    const heavy = rig({ weigh, maxWeight: 10 });
    const lease = await heavy.cache.insert("a", { text: "x".repeat(50) }, { dirty: false });
    expect(heavy.cache.weight).toBe(50);
    lease.release();
    expect(heavy.cache).toMatchObject({ weight: 0, size: 0 });
  });

  it("the weight can be limited anew at run time", async () => {
    const heavy = rig({ weigh });
    for (const key of ["a", "b", "c"]) await put(heavy, key, "xxxx");
    expect(heavy.cache.weight).toBe(12);
    await heavy.cache.setMaxWeight(9);
    expect([...heavy.cache.keys()]).toEqual(["b", "c"]);
    expect(await codeOf(heavy.cache.setMaxWeight(0))).toBe("ERR_ARGUMENT");
    expect(await codeOf(rig().cache.setMaxWeight(1))).toBe("ERR_ARGUMENT");
  });

  it.each([NaN, -1, Infinity])("a weight of %d is refused, and there is no entry", async (weight) => {
    const { cache, disk } = rig({ weigh: () => weight, strict: true, limit: 1 });
    disk.hold("load");
    const acquired = cache.acquire("x");
    disk.letGo("load");
    expect(await codeOf(acquired)).toBe("ERR_ARGUMENT");
    expect(await codeOf(cache.insert("x", { text: "" }))).toBe("ERR_ARGUMENT");
    expect(cache).toMatchObject({ size: 0, weight: 0 });
  });

  it("a `weigh` that throws makes the acquire fail, and nothing hangs", async () => {
    let fault: Error | undefined = broken;
    const { cache } = rig({
      weigh: () => {
        if (fault) throw fault;
        return 1;
      },
    });
    const both = await Promise.allSettled([cache.acquire("x"), cache.acquire("x")]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    fault = undefined;
    expect(await outcome(cache.acquire("x"))).toBe("fulfilled");
  });
});

describe("dropping what was unused for a while", () => {
  it("drops what was neither used nor pinned since the last tick", async () => {
    const { cache, touch } = rig();
    await touch("used", "unused");
    const pinned = await cache.acquire("pinned");
    const released = await cache.acquire("released");
    await cache.dropIdle();
    expect(cache.size).toBe(4);
    await touch("used");
    released.release();
    await cache.dropIdle();
    expect([...cache.keys()].toSorted()).toEqual(["pinned", "released", "used"]);
    await cache.dropIdle();
    expect([...cache.keys()]).toEqual(["pinned"]);
    expect(cache.counters.evictions).toBe(3);
    pinned.release();
  });

  it("makes dirty entries durable before it drops them, in one round", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "y", "z");
    await a.cache.dropIdle();
    log.length = 0;
    await a.cache.dropIdle();
    expect(a.cache.size).toBe(0);
    expect(log.slice(0, 4)).toEqual(["b: store x=1", "b: stored x", "b: sync", "b: synced"]);
    expect(a.disk.durable.size).toBe(2);
    expect(a.cache.counters).toMatchObject({ syncs: 1, dependencyFlushes: 1 });
  });

  it("keeps what could not be written, and says so", async () => {
    const { cache, disk, write, touch } = rig();
    await touch("clean");
    await write("1", "bad", "good");
    await cache.dropIdle();
    disk.fail("store bad", broken);
    expect(await codeOf(cache.dropIdle())).toBe("ERR_WRITE_BACK");
    expect([...cache.keys()]).toEqual(["bad"]);
    disk.fail("store bad");
    await cache.dropIdle();
    expect(cache.size).toBe(0);
    expect(disk.durable.get("bad")).toBe("1");
  });

  it("keeps what is wanted again while it is written", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y");
    await cache.dropIdle();
    disk.hold("store");
    const tick = cache.dropIdle();
    await quiet();
    cache.tryAcquire("x")?.release();
    disk.letGo("store");
    await tick;
    expect([...cache.keys()]).toEqual(["x"]);
  });
});

describe("dropUnsynced", () => {
  it("lets a victim go once it is stored, and syncs when it is asked to", async () => {
    const { cache, disk, write, touch } = rig({ limit: 1, dropUnsynced: true });
    await write("1", "x");
    await touch("y");
    expect(cache.has("x")).toBe(false);
    expect(cache.counters.syncs).toBe(0);
    expect(cache.pending).toBe(true);
    expect((await cache.acquire("x")).value.text).toBe("1");
    await cache.sync();
    expect(disk.durable.get("x")).toBe("1");
    expect(cache.pending).toBe(false);
  });

  it("what depends on a victim that is gone still waits for the sync", async () => {
    const log: string[] = [];
    const b = rig({ name: "b", limit: 1, dropUnsynced: true }, log);
    const a = rig({ name: "a" }, log);
    await b.write("1", "x");
    await b.touch("y");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeGreaterThan(0);
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
  });

  it("a victim that is modified again stays", async () => {
    const { cache, disk, write } = rig({ limit: 1, dropUnsynced: true });
    await write("1", "x");
    disk.hold("store");
    const miss = cache.acquire("y");
    await quiet();
    await write("2", "x");
    disk.letGo("store");
    (await miss).release();
    await cache.sync();
    expect(disk.durable.get("x")).toBe("2");
  });
});
