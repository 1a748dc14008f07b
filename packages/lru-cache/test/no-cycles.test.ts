import { describe, expect, it } from "vitest";
import { outcome, quiet, type Rig, rig, rigs } from "./support/caches.js";

/** What everybody who modifies two caches does. */
async function link(dependent: Rig, dependency: Rig, text: string): Promise<void> {
  await dependency.write(text, "x");
  await dependent.cache.dependsOn(dependency.cache);
  await dependent.write(text, "y");
}

describe("guarantee 6: no cycles, ever", () => {
  it("an edge that would close a cycle of two syncs the other side instead", async () => {
    const { a, b, log } = rigs("a", "b");
    await link(a, b, "1");
    await b.cache.dependsOn(a.cache);
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store y=1"));
    expect(a.disk.durable.get("y")).toBe("1");
    expect(b.cache.dependencies).toEqual([]);
    await b.write("2", "x");
    await Promise.all([a.cache.sync(), b.cache.sync()]);
  });

  it.each([1, 2, 3, 4, 7, 20])("a ring of %i caches flushes, from any of them", async (length) => {
    const log: string[] = [];
    const ring = Array.from({ length }, (_, index) => rig({ name: `c${index}` }, log));
    for (let turn = 0; turn < 3; turn++) {
      for (const [index, dependency] of ring.entries()) {
        await link(ring[(index + 1) % length] as Rig, dependency, `${turn}.${index}`);
      }
      const flushes = ring.map(({ cache }) => cache.sync());
      expect(await outcome(Promise.all(flushes))).toBe("fulfilled");
    }
    for (const { cache, disk } of ring) {
      expect(cache.pending).toBe(false);
      expect(disk.durable.get("y")).toMatch(/^2\./);
    }
  });

  it("a cache that depends on itself is synced at once", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    await cache.dependsOn(cache);
    expect(disk.durable.get("x")).toBe("1");
    expect(cache.dependencies).toEqual([]);
    await write("2", "x");
    expect(await outcome(cache.sync())).toBe("fulfilled");
  });

  it("opposite edges at the same moment do not deadlock", async () => {
    const { a, b } = rigs("a", "b");
    await a.write("1", "x");
    await b.write("1", "x");
    const both = Promise.all([a.cache.dependsOn(b.cache), b.cache.dependsOn(a.cache)]);
    expect(await outcome(both)).toBe("fulfilled");
    expect(a.cache.dependencies.length + b.cache.dependencies.length).toBeLessThan(2);
    expect(await outcome(Promise.all([a.cache.sync(), b.cache.sync()]))).toBe("fulfilled");
  });

  it("all edges of a ring at the same moment, while all are being flushed, do not deadlock", async () => {
    const { a, b, c } = rigs("a", "b", "c");
    for (let turn = 0; turn < 5; turn++) {
      for (const one of [a, b, c]) await one.write(String(turn), "x");
      const all = Promise.all([
        a.cache.dependsOn(b.cache),
        c.cache.sync(),
        b.cache.dependsOn(c.cache),
        a.cache.flush(),
        c.cache.dependsOn(a.cache),
        b.cache.sync(),
      ]);
      expect(await outcome(all)).toBe("fulfilled");
    }
    expect(await outcome(Promise.all([a, b, c].map(({ cache }) => cache.sync())))).toBe("fulfilled");
    expect([a, b, c].map(({ cache }) => cache.pending)).toEqual([false, false, false]);
  });

  it("an eviction and an opposite edge do not deadlock", async () => {
    const { a, b } = rigs("a", "b");
    await a.cache.setLimit(1);
    await link(a, b, "1");
    b.disk.hold("store");
    const eviction = a.touch("other");
    await quiet();
    const opposite = b.cache.dependsOn(a.cache);
    await quiet();
    b.disk.letGo("store");
    expect(await outcome(Promise.all([eviction, opposite]))).toBe("fulfilled");
    expect(a.disk.durable.get("y")).toBe("1");
  });

  it("a diamond syncs its shared end once", async () => {
    const { a, b, c, d, log } = rigs("a", "b", "c", "d");
    await d.write("1", "x");
    for (const middle of [b, c]) {
      await middle.cache.dependsOn(d.cache);
      await middle.write("1", "y");
      await a.cache.dependsOn(middle.cache);
    }
    await a.write("1", "z");
    await a.cache.sync();
    expect(log.filter((line) => line === "d: sync")).toHaveLength(1);
    expect(log.indexOf("d: synced")).toBeLessThan(log.indexOf("b: store y=1"));
    expect(log.indexOf("d: synced")).toBeLessThan(log.indexOf("c: store y=1"));
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect(log.indexOf("c: synced")).toBeLessThan(log.indexOf("a: store z=1"));
  });

  it("when the sync that replaces an edge fails, dependsOn tells so, and nothing has changed", async () => {
    const { a, b } = rigs("a", "b");
    await link(a, b, "1");
    a.disk.fail("store", new Error("disk full"));
    await expect(b.cache.dependsOn(a.cache)).rejects.toMatchObject({ code: "ERR_DEPENDENCY" });
    expect(a.cache.dirtyCount).toBe(1);
    expect(b.cache.dependencies).toEqual([]);
    a.disk.fail("store");
    await b.cache.dependsOn(a.cache);
    await b.write("2", "x");
    await b.cache.sync();
    expect(a.disk.durable.get("y")).toBe("1");
  });
});
