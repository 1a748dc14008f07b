import { describe, expect, it } from "vitest";
import { quiet, rig } from "./support/caches.js";

describe("guarantee 3: no stale reload", () => {
  it("an entry that is being written back to make room is found, with the value it has", async () => {
    const { cache, disk, write } = rig({ limit: 1 });
    await write("1", "victim");
    disk.hold("store");
    const miss = cache.acquire("other");
    await quiet();
    expect(cache.tryAcquire("victim")?.value.text).toBe("1");
    expect(disk.log.filter((line) => line === "cache: load victim")).toHaveLength(1);
    disk.letGo("store");
    await miss;
  });

  it("an eviction that finds its victim wanted again is called off", async () => {
    const { cache, disk, write, touch } = rig({ limit: 2 });
    await write("1", "victim");
    await touch("other");
    disk.hold("store");
    const miss = cache.acquire("new");
    await quiet();
    cache.tryAcquire("victim")?.release();
    disk.letGo("store");
    (await miss).release();
    expect([...cache.keys()].toSorted()).toEqual(["new", "victim"]);
  });

  it("an entry that is wanted again between its store and the sync stays too", async () => {
    const { cache, disk, write, touch } = rig({ limit: 2 });
    await write("1", "victim");
    await touch("other");
    disk.hold("sync");
    const miss = cache.acquire("new");
    await quiet();
    cache.tryAcquire("victim")?.release();
    disk.letGo("sync");
    (await miss).release();
    expect([...cache.keys()].toSorted()).toEqual(["new", "victim"]);
  });

  it("what is loaded after an eviction is what the eviction wrote", async () => {
    const { cache, write, touch } = rig({ limit: 1 });
    await write("1", "x");
    await touch("y");
    expect(cache.has("x")).toBe(false);
    expect((await cache.acquire("x")).value.text).toBe("1");
  });

  it("the value of a load that everybody gave up does not overwrite what came since", async () => {
    const { cache, disk } = rig();
    const controller = new AbortController();
    disk.hold("load");
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    const lease = await cache.insert("x", { text: "new" });
    disk.letGo("load");
    await quiet();
    expect(cache.tryAcquire("x")?.value).toBe(lease.value);
  });
});
