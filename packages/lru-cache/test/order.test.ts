import { describe, expect, it } from "vitest";
import { outcome, quiet, rigs } from "./support/caches.js";

describe("guarantee 5: order", () => {
  it("nothing is written before what it depends on is written and synced", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x", "y");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    log.length = 0;
    await a.cache.flush();
    expect(log).toEqual([
      "b: store x=1",
      "b: stored x",
      "b: store y=1",
      "b: stored y",
      "b: sync",
      "b: synced",
      "a: store z=1",
      "a: stored z",
    ]);
  });

  it("a store waits until the sync of the dependency has succeeded", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    b.disk.hold("sync");
    const flush = a.cache.flush();
    expect(await outcome(flush)).toBe("waiting");
    expect(log).not.toContain("a: store z=1");
    b.disk.letGo("sync");
    await flush;
  });

  it("what was stored and not synced counts as pending too", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await b.cache.flush();
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect(log.indexOf("b: synced")).toBeGreaterThan(0);
  });

  it("the order holds for a victim that makes room", async () => {
    const { a, b, log } = rigs("a", "b");
    await a.cache.setLimit(1);
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.touch("other");
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect(a.disk.durable.get("z")).toBe("1");
  });

  it("the order holds for an entry that insert replaces", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    (await a.cache.insert("z", { text: "2" })).release();
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
  });

  it("order runs through chains", async () => {
    const { a, b, c, log } = rigs("a", "b", "c");
    await c.write("1", "x");
    await b.cache.dependsOn(c.cache);
    await b.write("1", "y");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.cache.flush();
    const at = (line: string) => log.indexOf(line);
    expect(at("c: synced")).toBeLessThan(at("b: store y=1"));
    expect(at("b: synced")).toBeLessThan(at("a: store z=1"));
    expect(at("c: synced")).toBeGreaterThan(0);
  });

  it("a clean cache makes no edge", async () => {
    const { a, b } = rigs("a", "b");
    await b.touch("x");
    await a.cache.dependsOn(b.cache);
    expect(a.cache.dependencies).toEqual([]);
  });

  it("a satisfied edge costs nothing", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    expect(a.cache.dependencies).toEqual(["b"]);
    await b.cache.sync();
    expect(a.cache.dependencies).toEqual([]);
    await b.write("2", "x");
    await a.write("1", "z");
    log.length = 0;
    await a.cache.flush();
    expect(log).toEqual(["a: store z=1", "a: stored z"]);
  });

  it("an edge that was declared again waits for what came since", async () => {
    const { a, b } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await b.write("2", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await a.cache.flush();
    expect(b.disk.durable.get("x")).toBe("2");
  });

  it("evicting a clean entry flushes nothing", async () => {
    const { a, b, log } = rigs("a", "b");
    await a.cache.setLimit(1);
    await a.touch("clean");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    log.length = 0;
    await a.touch("other");
    expect(log).toEqual(["a: load other"]);
    expect(a.cache.counters.evictions).toBe(1);
  });

  it("a flush of a cache with edges but nothing dirty writes nothing anywhere", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    log.length = 0;
    await a.cache.flush();
    await a.cache.sync();
    expect(log).toEqual([]);
    expect(a.cache.dependencies).toEqual(["b"]);
  });

  it("an edge outlives the invalidation of the cache that depends", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.cache.invalidate();
    await a.write("1", "z");
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect(log.indexOf("b: synced")).toBeGreaterThan(0);
  });

  it("an edge ends when what it waits for has been invalidated", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await b.cache.invalidate();
    expect(a.cache.dependencies).toEqual([]);
    log.length = 0;
    await a.cache.flush();
    expect(log).toEqual(["a: store z=1", "a: stored z"]);
  });
});

describe("edges added while their cache is flushed", () => {
  it("while a dependency is being synced: the flush waits for the new edge too", async () => {
    const { a, b, c, log } = rigs("a", "b", "c");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "z");
    await c.write("1", "y");
    b.disk.hold("sync");
    const flush = a.cache.flush();
    await quiet();
    await a.cache.dependsOn(c.cache);
    b.disk.letGo("sync");
    await flush;
    expect(log.indexOf("c: synced")).toBeGreaterThan(0);
    expect(log.indexOf("c: synced")).toBeLessThan(log.indexOf("a: store z=1"));
  });

  it("while stores wait for their turn: none of them starts before the new dependency is durable", async () => {
    const { a, b, log } = rigs("a", "b");
    const keys = Array.from({ length: 40 }, (_, index) => `z${index}`);
    await a.write("1", ...keys);
    await b.write("1", "x");
    a.disk.hold("store");
    const flush = a.cache.flush();
    await quiet();
    const last = await a.cache.acquire("z39");
    await a.cache.dependsOn(b.cache);
    last.value.text = "depends on b";
    last.markDirty();
    last.release();
    a.disk.letGo("store");
    await flush;
    const written = log.findIndex((line) => line.includes("depends on b"));
    if (written !== -1) expect(log.indexOf("b: synced")).toBeLessThan(written);
    expect(b.disk.durable.get("x")).toBe("1");
  });

  it("in the very moment when a flush begins to store: the modification waits for the dependency", async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const { a, b, log } = rigs("a", "b");
      const keys = Array.from({ length: 20 }, (_, index) => `z${index}`);
      await a.write("1", ...keys);
      await b.write("1", "x");
      const last = await a.cache.acquire("z19");
      const modify = async () => {
        await a.cache.dependsOn(b.cache);
        last.value.text = "depends on b";
        last.markDirty();
        last.release();
      };
      const modified = modify();
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await Promise.all([a.cache.flush(), modified]);
      await a.cache.sync();
      const written = log.indexOf("a: store z19=depends on b");
      expect(written).toBeGreaterThan(0);
      expect(log.indexOf("b: synced")).toBeLessThan(written);
      expect(log.indexOf("b: synced")).toBeGreaterThan(0);
    }
  });

  it("from within a store of the same cache: no deadlock", async () => {
    const { a, b } = rigs("a", "b");
    await a.write("1", "z");
    await b.write("1", "x");
    const { store } = a.disk.io;
    a.disk.io.store = async (key, value) => {
      await store(key, value);
      await a.cache.dependsOn(b.cache);
    };
    expect(await outcome(a.cache.flush())).toBe("fulfilled");
  });

  it("a steady stream of edges does not keep a flush from ending", async () => {
    const { a, b } = rigs("a", "b");
    await a.write("1", "z");
    const flushed = new AbortController();
    const stream = async () => {
      for (let round = 0; !flushed.signal.aborted && round < 1000; round++) {
        await b.write(String(round), "x");
        await a.cache.dependsOn(b.cache);
      }
      return flushed.signal.aborted;
    };
    const streaming = stream();
    await a.cache.flush();
    flushed.abort();
    expect(await streaming).toBe(true);
  });
});
