import { describe, expect, it } from "vitest";
import { AsyncLruCache } from "../src/index.js";
import { outcome, quiet, rig } from "./support/caches.js";

describe("guarantee 1: one value per key", () => {
  it("concurrent acquires of a missing key share one load and one value", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const leases = [cache.acquire("x"), cache.acquire("x"), cache.acquire("x")];
    disk.letGo("load");
    const [first, ...others] = await Promise.all(leases);
    for (const other of others) expect(other.value).toBe(first?.value);
    expect(disk.log).toEqual(["cache: load x"]);
  });

  it("loads of different keys run side by side", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const leases = [cache.acquire("x"), cache.acquire("y")];
    await quiet();
    expect(disk.waiting.map(({ keys }) => keys[0])).toEqual(["x", "y"]);
    disk.letGo("load");
    await Promise.all(leases);
  });

  it("a hit waits for nobody's miss", async () => {
    const { cache, disk, touch } = rig();
    await touch("hot");
    disk.hold("load");
    const miss = cache.acquire("cold");
    expect(await outcome(cache.acquire("hot"))).toBe("fulfilled");
    disk.letGo("load");
    await miss;
  });

  it("a hit waits for nobody's flush, not even of the entry itself", async () => {
    const { cache, disk, write } = rig();
    await write("1", "hot");
    disk.hold("store", "sync");
    const sync = cache.sync();
    await quiet();
    expect(await outcome(cache.acquire("hot"))).toBe("fulfilled");
    disk.letGo("store");
    await quiet();
    expect(await outcome(cache.acquire("hot"))).toBe("fulfilled");
    disk.letGo("sync");
    await sync;
  });

  it("a hit waits for nobody's eviction", async () => {
    const { cache, disk, write, touch } = rig({ limit: 2 });
    await write("1", "victim");
    await touch("hot");
    disk.hold("store");
    const miss = cache.acquire("cold");
    await quiet();
    expect(disk.hanging("store").keys).toEqual(["victim"]);
    expect(await outcome(cache.acquire("hot"))).toBe("fulfilled");
    disk.letGo("store");
    await miss;
  });

  it("tryAcquire gives a lease at once, or nothing", async () => {
    const { cache, touch } = rig();
    expect(cache.tryAcquire("x")).toBeUndefined();
    await touch("x");
    expect(cache.tryAcquire("x")?.key).toBe("x");
  });

  it("a load that asks for its own key from inside joins itself instead of loading twice", async () => {
    const joined: Promise<unknown>[] = [];
    const cache: AsyncLruCache<string, object> = new AsyncLruCache({
      limit: 10,
      io: {
        load: (key) => {
          joined.push(cache.acquire(key));
          return {};
        },
        store: () => {},
      },
    });
    const lease = await cache.acquire("x");
    expect(joined).toHaveLength(1);
    expect(await joined[0]).toMatchObject({ value: lease.value });
    expect(cache.size).toBe(1);
    expect(cache.counters.loads).toBe(1);
  });

  it("a value that arrives through a thenable which calls back at once counts like any other", async () => {
    // oxlint-disable-next-line unicorn/no-thenable
    const thenable = { then: (resolve: (value: string) => void) => resolve("value") } as unknown as Promise<string>;
    const cache = new AsyncLruCache<string, string>({ limit: 10, io: { load: () => thenable, store: () => {} } });
    const [one, two] = await Promise.all([cache.acquire("x"), cache.acquire("x")]);
    expect([one.value, two.value]).toEqual(["value", "value"]);
    expect(cache.counters.loads).toBe(1);
  });

  it("keys can be anything a map takes", async () => {
    const cache = new AsyncLruCache<unknown, unknown>({ limit: 10, io: { load: (key) => [key], store: () => {} } });
    const object = {};
    for (const key of [0, "0", NaN, undefined, null, object]) {
      const lease = await cache.acquire(key);
      expect((await cache.acquire(key)).value).toBe(lease.value);
      expect(lease.key).toBe(key);
    }
    expect(cache.size).toBe(6);
  });
});
