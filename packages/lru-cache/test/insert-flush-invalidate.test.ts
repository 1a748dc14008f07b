import { describe, expect, it } from "vitest";
import { codeOf, outcome, quiet, rig, rigs } from "./support/caches.js";

const broken = new Error("broken");

describe("guarantee 10: insert", () => {
  it("puts a value under a key that has none, dirty and pinned, without a load", async () => {
    const { cache, disk } = rig();
    const lease = await cache.insert("x", { text: "1" });
    expect(await codeOf(cache.invalidate())).toBe("ERR_PINNED");
    lease.release();
    await cache.sync();
    expect(disk.log).toEqual(["cache: store x=1", "cache: stored x", "cache: sync", "cache: synced"]);
  });

  it("is there at once, dirty at once: a sync called behind it covers it", async () => {
    const { cache, disk } = rig();
    const inserted = cache.insert("x", { text: "1" });
    expect(cache.tryAcquire("x")?.value.text).toBe("1");
    await cache.sync();
    expect(disk.durable.get("x")).toBe("1");
    await inserted;
  });

  it("puts a clean value where it is told to", async () => {
    const { cache, disk } = rig();
    (await cache.insert("x", { text: "1" }, { dirty: false })).release();
    await cache.sync();
    expect(disk.log).toEqual([]);
  });

  it("stores what stood there, then replaces it", async () => {
    const { cache, disk, write } = rig();
    await write("old", "x");
    (await cache.insert("x", { text: "new" })).release();
    await cache.sync();
    expect(disk.log.filter((line) => line.includes("store "))).toEqual(["cache: store x=old", "cache: store x=new"]);
  });

  it("replaces nothing when what stood there cannot be stored", async () => {
    const { cache, disk, write } = rig();
    await write("old", "x");
    disk.fail("store", broken);
    expect(await codeOf(cache.insert("x", { text: "new" }))).toBe("ERR_WRITE_BACK");
    expect(cache.tryAcquire("x")?.value.text).toBe("old");
    expect(cache.dirtyCount).toBe(1);
  });

  it("waits for a load of the key and refuses when somebody holds what it brought", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const lease = cache.acquire("x");
    const inserted = cache.insert("x", { text: "new" });
    expect(await outcome(inserted.catch(() => {}))).toBe("waiting");
    disk.letGo("load");
    expect(await codeOf(inserted)).toBe("ERR_PINNED");
    expect((await lease).value.text).toBe("");
  });

  it("goes ahead when the load it waited for fails", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const lease = cache.acquire("x");
    const inserted = cache.insert("x", { text: "new" });
    await quiet();
    disk.hanging("load").fail(broken);
    await expect(lease).rejects.toBe(broken);
    expect((await inserted).value.text).toBe("new");
  });

  it("shares its value with whoever asks for the key while room is made", async () => {
    const { cache, disk, write } = rig({ limit: 1 });
    await write("1", "victim");
    disk.hold("store");
    const inserted = cache.insert("x", { text: "new" });
    const joined = cache.acquire("x");
    await quiet();
    disk.letGo("store");
    expect((await joined).value).toBe((await inserted).value);
    expect(disk.log).not.toContain("cache: load x");
    expect(cache.dirtyCount).toBe(1);
  });
});

describe("guarantee 10: flush", () => {
  it("stores all that is dirty and keeps it resident", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y");
    await cache.flush();
    expect([...disk.stored]).toEqual([
      ["x", "1"],
      ["y", "1"],
    ]);
    expect(cache.size).toBe(2);
    expect(cache.pending).toBe(true);
    await cache.sync();
    expect(cache.pending).toBe(false);
  });

  it("attempts every entry, also when one fails, and names the ones that did", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y", "z");
    disk.fail("store y", broken);
    await expect(cache.flush()).rejects.toMatchObject({ code: "ERR_WRITE_BACK", keys: ["y"], cause: broken });
    expect([...disk.stored.keys()]).toEqual(["x", "z"]);
    disk.fail("store y");
    await cache.sync();
    expect(disk.durable.size).toBe(3);
  });

  it("has all the errors when several fail", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y");
    disk.fail("store", broken);
    await expect(cache.flush()).rejects.toMatchObject({ keys: ["x", "y"], cause: { errors: [broken, broken] } });
  });

  it("stores nothing that is clean", async () => {
    const { cache, disk, write, touch } = rig();
    await write("1", "x");
    await touch("y");
    await cache.sync();
    disk.log.length = 0;
    await cache.flush();
    await cache.sync();
    expect(disk.log).toEqual([]);
  });

  it("a store is durable when it resolves where the entry I/O has no sync", async () => {
    const stored: string[] = [];
    const { cache, write } = rig({ io: { load: () => ({ text: "" }), store: (key) => void stored.push(key) } });
    await write("1", "x");
    await cache.flush();
    expect(cache.pending).toBe(false);
    await cache.sync();
    expect(stored).toEqual(["x"]);
    expect(cache.counters.syncs).toBe(0);
  });
});

describe("guarantee 10: invalidate", () => {
  it("drops entries without writing them", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x", "y");
    await cache.invalidate();
    expect(cache.size).toBe(0);
    expect(cache.pending).toBe(false);
    await cache.sync();
    expect(disk.stored.size).toBe(0);
    expect((await cache.acquire("x")).value.text).toBe("");
  });

  it("drops only the keys it is given", async () => {
    const { cache, write } = rig();
    await write("1", "x", "y");
    await cache.invalidate(["x", "x", "nowhere"]);
    expect([...cache.keys()]).toEqual(["y"]);
    expect(cache.dirtyCount).toBe(1);
  });

  it("keeps what is pinned, names it, and keeps the edges", async () => {
    const { a, b, log } = rigs("a", "b");
    const lease = await a.cache.acquire("held");
    await a.write("1", "free");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await expect(a.cache.invalidate()).rejects.toMatchObject({ code: "ERR_PINNED", keys: ["held"] });
    expect([...a.cache.keys()]).toEqual(["held"]);
    expect(a.cache.dependencies).toEqual(["b"]);
    lease.value.text = "2";
    lease.markDirty();
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store held=2"));
  });

  it("keeps the edges of a holder who is about to modify, also when all that it was given is dropped", async () => {
    const { a, b, log } = rigs("a", "b");
    const lease = await a.cache.acquire("held");
    await a.touch("other");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.cache.invalidate(["other"]);
    lease.value.text = "2";
    lease.markDirty();
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeGreaterThan(0);
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store held=2"));
  });

  it("during a write-back it waits for the store, so what is loaded next is what storage has", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("store");
    const flush = cache.flush();
    await quiet();
    const invalidated = cache.invalidate();
    expect(await outcome(invalidated)).toBe("waiting");
    expect(cache.tryAcquire("x")).toBeDefined();
    disk.letGo("store");
    await flush;
    expect(await codeOf(invalidated)).toBe("ERR_PINNED");
  });

  it("during a write-back it drops the entry when the store has ended, well or not", async () => {
    for (const failure of [undefined, broken]) {
      const { cache, disk, write } = rig();
      await write("1", "x");
      disk.hold("store");
      const flush = cache.sync().catch(() => {});
      await quiet();
      const invalidated = cache.invalidate();
      await quiet();
      const store = disk.hanging("store");
      if (failure) store.fail(failure);
      else store.succeed();
      await Promise.all([flush, invalidated]);
      expect(cache.size).toBe(0);
      expect((await cache.acquire("x")).value.text).toBe(failure ? "" : "1");
      expect(cache.dirtyCount).toBe(0);
    }
  });

  it("while a flush waits for its dependency: what is invalidated is not written", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await a.cache.dependsOn(b.cache);
    await a.write("1", "y", "z");
    b.disk.hold("sync");
    const flush = a.cache.flush();
    await quiet();
    await a.cache.invalidate(["y"]);
    b.disk.letGo("sync");
    await flush;
    expect(log.filter((line) => line.startsWith("a: store "))).toEqual(["a: store z=1"]);
  });

  it("what was stored and not synced when it was invalidated still has to be synced before what depends on it", async () => {
    const { a, b, log } = rigs("a", "b");
    await b.write("1", "x");
    await b.cache.flush();
    await a.cache.dependsOn(b.cache);
    await b.cache.invalidate();
    await a.write("1", "z");
    await a.cache.flush();
    expect(log.indexOf("b: synced")).toBeGreaterThan(0);
    expect(log.indexOf("b: synced")).toBeLessThan(log.indexOf("a: store z=1"));
    expect(b.cache.pending).toBe(false);
  });
});
