import { describe, expect, it } from "vitest";
import { codeOf, quiet, rig } from "./support/caches.js";

describe("guarantee 2: pinned means safe", () => {
  it("a pinned entry is not evicted, however old", async () => {
    const { cache, touch } = rig({ limit: 2 });
    const lease = await cache.acquire("held");
    await touch("a", "b", "c", "d");
    expect(cache.has("held")).toBe(true);
    expect(cache.tryAcquire("held")?.value).toBe(lease.value);
  });

  it("an entry is pinned until its last lease has ended", async () => {
    const { cache, touch } = rig({ limit: 1 });
    const [one, two] = [await cache.acquire("held"), await cache.acquire("held")];
    one.release();
    await touch("a");
    expect(cache.has("held")).toBe(true);
    two.release();
    await touch("b");
    expect(cache.has("held")).toBe(false);
  });

  it("insert refuses to replace a pinned entry and names it", async () => {
    const { cache } = rig();
    const lease = await cache.acquire("held");
    await expect(cache.insert("held", { text: "other" })).rejects.toMatchObject({ code: "ERR_PINNED", keys: ["held"] });
    expect(cache.tryAcquire("held")?.value).toBe(lease.value);
  });

  it("invalidate keeps a pinned entry and names it", async () => {
    const { cache, write } = rig();
    await write("1", "held", "free");
    const lease = await cache.acquire("held");
    await expect(cache.invalidate()).rejects.toMatchObject({ code: "ERR_PINNED", keys: ["held"] });
    expect([...cache.keys()]).toEqual(["held"]);
    expect(lease.value.text).toBe("1");
    expect(cache.dirtyCount).toBe(1);
  });

  it("a second release is harmless, also when somebody else holds the entry", async () => {
    const { cache, touch } = rig({ limit: 1 });
    const mine = await cache.acquire("held");
    const theirs = await cache.acquire("held");
    mine.release();
    mine.release();
    mine[Symbol.dispose]();
    await touch("a", "b");
    expect(cache.has("held")).toBe(true);
    theirs.release();
  });

  it("a second release is harmless, also when the entry is gone and its place is taken", async () => {
    const { cache, touch } = rig({ limit: 1 });
    const lease = await cache.acquire("first");
    lease.release();
    const next = await cache.acquire("second");
    lease.release();
    await touch("third");
    expect(cache.has("second")).toBe(true);
    next.release();
  });

  it("`using` ends the lease", async () => {
    const { cache } = rig();
    {
      using lease = await cache.acquire("x");
      expect(lease.key).toBe("x");
      expect(await codeOf(cache.invalidate())).toBe("ERR_PINNED");
    }
    await cache.invalidate();
    expect(cache.size).toBe(0);
  });

  it("a lease that has been released cannot be used", async () => {
    const { cache } = rig();
    const lease = await cache.acquire("x");
    lease.release();
    expect(() => lease.markDirty()).toThrow(expect.objectContaining({ code: "ERR_RELEASED" }));
    expect(() => lease.key).toThrow(expect.objectContaining({ code: "ERR_RELEASED" }));
    expect(cache.dirtyCount).toBe(0);
  });

  it("everybody who waited for a load gets a lease of his own", async () => {
    const { cache, disk, touch } = rig({ limit: 1 });
    disk.hold("load");
    const waiting = [cache.acquire("x"), cache.acquire("x")];
    await quiet();
    disk.letGo("load");
    const [one, two] = await Promise.all(waiting);
    one?.release();
    await touch("y");
    expect(cache.has("x")).toBe(true);
    two?.release();
    expect(cache.size).toBe(1);
  });
});
