import { describe, expect, it } from "vitest";
import { codeOf, outcome, quiet, rig } from "./support/caches.js";

const keys = (count: number, prefix = "k") => Array.from({ length: count }, (_, index) => prefix + index);

describe("guarantee 8: bounded", () => {
  it("keeps at most `limit` entries", async () => {
    const { cache, touch } = rig({ limit: 5 });
    for (const key of keys(50)) {
      await touch(key);
      expect(cache.size).toBeLessThanOrEqual(5);
    }
    expect(cache.size).toBe(5);
  });

  it("keeps at most `limit` entries when many are loaded side by side", async () => {
    const { cache, disk } = rig({ limit: 3 });
    disk.hold("load");
    const waiting = keys(3).map((key) => cache.acquire(key));
    await quiet();
    disk.letGo("load");
    for (const lease of await Promise.all(waiting)) lease.release();
    disk.hold("load");
    const more = keys(3, "more").map((key) => cache.acquire(key));
    await quiet();
    expect(cache.size).toBe(0);
    disk.letGo("load");
    for (const lease of await Promise.all(more)) lease.release();
    expect(cache.size).toBe(3);
  });

  it("a strict cache refuses while everything is pinned, and works again when something is not", async () => {
    const { cache } = rig({ limit: 2, strict: true });
    const [one] = [await cache.acquire("x"), await cache.acquire("y")];
    await expect(cache.acquire("z")).rejects.toMatchObject({
      code: "ERR_ALL_PINNED",
      message: "cache: everything is in use (2 entries)",
    });
    expect(await codeOf(cache.insert("z", { text: "" }))).toBe("ERR_ALL_PINNED");
    expect(cache.tryAcquire("x")?.value).toBe(one?.value);
  });

  it("a strict cache counts loads under way as in use", async () => {
    const { cache, disk } = rig({ limit: 1, strict: true });
    disk.hold("load");
    const first = cache.acquire("x");
    expect(await codeOf(cache.acquire("y"))).toBe("ERR_ALL_PINNED");
    disk.letGo("load");
    (await first).release();
    expect(await outcome(cache.acquire("y"))).toBe("fulfilled");
  });

  it("a strict cache can be used to the full after loads that failed or were given up", async () => {
    const { cache, disk } = rig({ limit: 1, strict: true });
    disk.fail("load", new Error("broken"));
    await expect(cache.acquire("x")).rejects.toThrow("broken");
    disk.fail("load");
    disk.hold("load x");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    expect(await outcome(cache.acquire("y"))).toBe("fulfilled");
  });

  it("a lenient cache exceeds its limit while everything is pinned, and shrinks as leases end", async () => {
    const { cache } = rig({ limit: 2 });
    const leases = await Promise.all(keys(5).map((key) => cache.acquire(key)));
    expect(cache.size).toBe(5);
    for (const [ended, lease] of leases.entries()) {
      lease.release();
      expect(cache.size).toBe(Math.max(2, 4 - ended));
    }
    expect([...cache.keys()].toSorted()).toEqual(["k3", "k4"]);
  });

  it("a lenient cache writes dirty entries in the background while it shrinks", async () => {
    const { cache, disk } = rig({ limit: 1 });
    const leases = await Promise.all(keys(4).map((key) => cache.acquire(key)));
    for (const lease of leases) {
      lease.value.text = "1";
      lease.markDirty();
      lease.release();
    }
    await quiet();
    expect(cache.size).toBe(1);
    expect([...disk.durable.keys()].toSorted()).toEqual(["k0", "k1", "k2"]);
  });

  it("a write-back in the background that fails keeps its entry, and the next one who needs room tries again", async () => {
    const { cache, disk, write } = rig({ limit: 2 });
    const pinned = await Promise.all(["x", "y"].map((key) => cache.acquire(key)));
    disk.fail("store", new Error("broken"));
    await write("1", "z");
    await quiet();
    expect(cache.size).toBe(3);
    expect(cache.tryAcquire("z")?.value.text).toBe("1");
    disk.fail("store");
    for (const lease of pinned) lease.release();
    (await cache.acquire("new")).release();
    expect(cache.size).toBe(2);
  });

  it("an eviction storm with everything pinned ends within the limit", async () => {
    const { cache, disk } = rig({ limit: 8 });
    disk.hold("load");
    const storm = keys(500).map((key) => cache.acquire(key));
    await quiet();
    disk.letGo("load");
    const leases = await Promise.all(storm);
    expect(cache.size).toBe(500);
    for (const [index, lease] of leases.entries()) {
      if (index % 3 === 0) lease.markDirty();
      lease.release();
    }
    await quiet();
    expect(cache.size).toBe(8);
    expect(cache.counters.evictions).toBe(492);
    expect(cache.counters.writeBacks).toBeGreaterThanOrEqual(Math.floor(492 / 3));
  });

  it("an eviction storm on a strict cache with everything pinned changes nothing", async () => {
    const { cache, disk } = rig({ limit: 8, strict: true });
    const leases = await Promise.all(keys(8).map((key) => cache.acquire(key)));
    disk.log.length = 0;
    const storm = await Promise.allSettled(keys(500, "new").map((key) => cache.acquire(key)));
    expect(storm.every(({ status }) => status === "rejected")).toBe(true);
    expect(disk.log).toEqual([]);
    for (const lease of leases) expect(cache.tryAcquire(lease.key)?.value).toBe(lease.value);
  });

  it.each([1, 3, 16])("at most %i stores are under way at once", async (most) => {
    const { cache, disk, write } = rig({ maxWriteBacks: most });
    await write("1", ...keys(50));
    disk.hold("store");
    const flush = cache.flush();
    let stored = 0;
    while ((await outcome(flush)) === "waiting" && disk.waiting.length > 0) {
      expect(disk.waiting.length).toBeLessThanOrEqual(most);
      disk.hanging("store").succeed();
      stored++;
    }
    await flush;
    expect(stored).toBe(50);
  });

  it("changing the limit at run time drops what is too much, oldest first, dirty entries written", async () => {
    const { cache, disk, write, touch } = rig({ limit: 10 });
    await write("1", ...keys(6));
    await touch("k0");
    await cache.setLimit(2);
    expect(cache.limit).toBe(2);
    expect([...cache.keys()].toSorted()).toEqual(["k0", "k5"]);
    expect([...disk.durable.keys()].toSorted()).toEqual(expect.arrayContaining(["k1", "k2", "k3", "k4"]));
    await cache.setLimit(4);
    await touch("a", "b");
    expect(cache.size).toBe(4);
  });

  it("a limit that cannot be reached because a write fails is told, and holds all the same", async () => {
    const { cache, disk, write } = rig({ limit: 10 });
    await write("1", ...keys(6));
    disk.fail("store", new Error("broken"));
    expect(await codeOf(cache.setLimit(2))).toBe("ERR_WRITE_BACK");
    expect(cache.size).toBe(6);
    disk.fail("store");
    await cache.sync();
    expect(cache.size).toBe(2);
  });

  it("a limit below what is pinned is reached when the leases end", async () => {
    const { cache } = rig({ limit: 4 });
    const leases = await Promise.all(keys(4).map((key) => cache.acquire(key)));
    await cache.setLimit(1);
    expect(cache.size).toBe(4);
    for (const lease of leases) lease.release();
    expect(cache.size).toBe(1);
  });
});
