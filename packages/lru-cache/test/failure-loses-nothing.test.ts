import { describe, expect, it } from "vitest";
import { codeOf, failureOf, outcome, quiet, rig, rigs } from "./support/caches.js";

const broken = new Error("broken");

describe("guarantee 7: failure loses nothing", () => {
  it("a load that fails leaves no entry, tells all who waited, and the next acquire tries again", async () => {
    const { cache, disk } = rig();
    disk.fail("load", broken);
    const results = await Promise.allSettled([cache.acquire("x"), cache.acquire("x")]);
    expect(results.map((result) => result.status === "rejected" && result.reason === broken)).toEqual([true, true]);
    expect(cache.size).toBe(0);
    disk.fail("load");
    expect((await cache.acquire("x")).key).toBe("x");
    expect(cache.counters.loads).toBe(2);
  });

  it("a load that throws at once fails like any other", async () => {
    const { cache, disk } = rig({ limit: 1, strict: true });
    const { load } = disk.io;
    disk.io.load = () => {
      throw broken;
    };
    expect(await failureOf(cache.acquire("x"))).toBe(broken);
    disk.io.load = load;
    expect(await outcome(cache.acquire("x"))).toBe("fulfilled");
  });

  it("a write-back that fails keeps the entry dirty, and the next flush completes the job", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.fail("store", broken);
    await expect(cache.flush()).rejects.toMatchObject({ code: "ERR_WRITE_BACK", keys: ["x"], cause: broken });
    expect(cache.tryAcquire("x")?.value.text).toBe("1");
    expect(cache.dirtyCount).toBe(1);
    disk.fail("store");
    await cache.sync();
    expect(disk.durable.get("x")).toBe("1");
  });

  it("a store that throws at once fails like any other", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.io.store = () => {
      throw broken;
    };
    await expect(cache.flush()).rejects.toMatchObject({ code: "ERR_WRITE_BACK", cause: broken });
    expect(cache.dirtyCount).toBe(1);
    expect(cache.counters.writeBacks).toBe(0);
  });

  it("a victim that cannot be written stays, and whoever needed its room is told why", async () => {
    const { cache, disk, write } = rig({ limit: 1 });
    await write("1", "victim");
    disk.fail("store", broken);
    await expect(cache.acquire("other")).rejects.toMatchObject({ code: "ERR_WRITE_BACK", cause: broken });
    expect(cache.tryAcquire("victim")?.value.text).toBe("1");
    expect(cache.has("other")).toBe(false);
    expect(disk.log).not.toContain("cache: load other");
  });

  it("a victim whose dependency cannot be flushed stays, with its edge", async () => {
    const { a, b } = rigs("a", "b");
    await a.cache.setLimit(1);
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "victim");
    b.disk.fail("store", broken);
    const error = await failureOf(a.cache.acquire("other"));
    expect(error).toMatchObject({ code: "ERR_DEPENDENCY", cause: { code: "ERR_WRITE_BACK", cause: broken } });
    expect(a.cache.tryAcquire("victim")?.value.text).toBe("1");
    expect(a.cache.dependencies).toEqual(["b"]);
    b.disk.fail("store");
    await a.cache.sync();
    expect(a.disk.durable.get("victim")).toBe("1");
    expect(b.disk.durable.get("x")).toBe("1");
  });

  it("a dependency that fails in the middle of a chain stops what comes after it, and nothing else", async () => {
    const { a, b, c, log } = rigs("a", "b", "c");
    await c.write("1", "x");
    await b.cache.dependsOn(c.cache);
    await b.write("1", "y");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    b.disk.fail("store", broken);
    expect(await codeOf(a.cache.sync())).toBe("ERR_DEPENDENCY");
    expect(c.disk.durable.get("x")).toBe("1");
    expect(log).not.toContain("a: store z=1");
    expect([a, b].map(({ cache }) => cache.dirtyCount)).toEqual([1, 1]);
    expect(a.cache.dependencies).toEqual(["b"]);
    b.disk.fail("store");
    await a.cache.sync();
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect([a, b, c].map(({ cache }) => cache.pending)).toEqual([false, false, false]);
  });

  it("when several dependencies fail, the error has them all", async () => {
    const { a, b, c } = rigs("a", "b", "c");
    for (const one of [b, c]) {
      await one.write("1", "x");
      await a.cache.dependsOn(one.cache);
      one.disk.fail("sync", broken);
    }
    await a.write("1", "z");
    const error = await failureOf(a.cache.flush());
    expect(error).toMatchObject({ code: "ERR_DEPENDENCY", cause: { errors: [{ cause: { cause: broken } }, {}] } });
    expect(a.cache.dependencies).toEqual(["b", "c"]);
  });

  it("a sync that fails makes dirty again all that it should have made durable", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y");
    disk.fail("sync", broken);
    await expect(cache.sync()).rejects.toMatchObject({ code: "ERR_SYNC", cause: broken });
    disk.fail("sync");
    disk.log.length = 0;
    await cache.sync();
    expect(disk.log).toEqual([
      "cache: store x=1",
      "cache: stored x",
      "cache: store y=1",
      "cache: stored y",
      "cache: sync",
      "cache: synced",
    ]);
  });

  it("a victim is not dropped before it is durable, so a sync that fails loses nothing", async () => {
    const { cache, disk, write } = rig({ limit: 1 });
    await write("1", "victim");
    disk.fail("sync", broken);
    expect(await codeOf(cache.acquire("other"))).toBe("ERR_SYNC");
    expect(cache.tryAcquire("victim")?.value.text).toBe("1");
    expect(cache.dirtyCount).toBe(1);
  });

  it("a store that a failing sync came across counts as not done", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("sync");
    const sync = cache.sync();
    await quiet();
    await write("1", "y");
    disk.hold("store");
    const flush = cache.flush();
    await quiet();
    disk.hanging("sync").fail(broken);
    expect(await codeOf(sync)).toBe("ERR_SYNC");
    disk.letGo("store", "sync");
    await flush;
    disk.log.length = 0;
    await cache.sync();
    expect(disk.log.filter((line) => line.includes("store "))).toEqual(["cache: store x=1", "cache: store y=1"]);
    expect(cache.pending).toBe(false);
  });

  it("a sync that shares the storage with one that fails does not take its stores for durable", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("sync");
    const first = cache.sync();
    await quiet();
    await write("1", "y");
    const second = cache.sync();
    await quiet();
    disk.hanging("sync").fail(broken);
    expect(await codeOf(first)).toBe("ERR_SYNC");
    disk.letGo("sync");
    await second;
    expect(cache.pending).toBe(false);
    expect(disk.log.filter((line) => line.includes("store y"))).toHaveLength(2);
  });

  it("a dependent does not take a sync for granted that another one undid", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    b.disk.hold("sync");
    const first = b.cache.sync();
    await quiet();
    await b.write("2", "y");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    const flush = a.cache.flush();
    await quiet();
    b.disk.hanging("sync").fail(broken);
    expect(await codeOf(first)).toBe("ERR_SYNC");
    b.disk.letGo("sync");
    await flush;
    const failed = log.indexOf("b: sync failed");
    expect(log.indexOf("b: store x=1", failed)).toBeGreaterThan(failed);
    expect(log.indexOf("b: store y=2", failed)).toBeGreaterThan(failed);
    expect(log.indexOf("a: store z=1")).toBeGreaterThan(log.indexOf("b: synced", failed));
  });

  it("when one of a group of victims cannot be written, the others still make room", async () => {
    const { cache, disk, write } = rig({ limit: 3 });
    await write("1", "good", "bad", "other");
    disk.fail("store bad", broken);
    expect(await outcome(cache.acquire("new"))).toBe("fulfilled");
    expect([...cache.keys()].toSorted()).toEqual(["bad", "new", "other"]);
    expect(disk.durable.get("good")).toBe("1");
  });
});
