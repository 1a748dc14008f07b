import { describe, expect, it } from "vitest";
import { quiet, rig } from "./support/caches.js";

describe("guarantee 4: writes during write-back count", () => {
  it("what is modified while its old state is being stored stays dirty and is stored later", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("store");
    const sync = cache.sync();
    await quiet();
    await write("2", "x");
    disk.letGo("store");
    await sync;
    expect(cache.dirtyCount).toBe(1);
    expect(disk.durable.get("x")).toBe("1");
    await cache.sync();
    expect(cache.dirtyCount).toBe(0);
    expect(disk.durable.get("x")).toBe("2");
  });

  it("what is modified between its store and the sync stays dirty", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("sync");
    const sync = cache.sync();
    await quiet();
    await write("2", "x");
    disk.letGo("sync");
    await sync;
    expect(cache.dirtyCount).toBe(1);
    await cache.sync();
    expect(disk.durable.get("x")).toBe("2");
  });

  it("a victim that was modified during its write-back is not dropped", async () => {
    const { cache, disk, write } = rig({ limit: 1 });
    await write("1", "x");
    const lease = await cache.acquire("x");
    disk.hold("store");
    const sync = cache.sync();
    await quiet();
    lease.value.text = "2";
    lease.markDirty();
    lease.release();
    const miss = cache.acquire("y");
    disk.letGo("store");
    await sync;
    (await miss).release();
    expect(disk.durable.get("x")).toBe("2");
  });

  it("a holder may modify and mark dirty as often as he likes", async () => {
    const { cache, disk } = rig();
    const lease = await cache.acquire("x");
    for (const text of ["1", "2", "3"]) {
      lease.value.text = text;
      lease.markDirty();
      await cache.flush();
    }
    lease.release();
    await cache.sync();
    expect(disk.log.filter((line) => line.includes("store x"))).toHaveLength(3);
    expect(disk.durable.get("x")).toBe("3");
  });

  it("stores of one entry never overlap", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    disk.hold("store");
    const first = cache.flush();
    await quiet();
    await write("2", "x");
    const second = cache.flush();
    await quiet();
    expect(disk.waiting).toHaveLength(1);
    disk.letGo("store");
    await Promise.all([first, second]);
    expect(disk.log.filter((line) => line.includes("store"))).toEqual([
      "cache: store x=1",
      "cache: stored x",
      "cache: store x=2",
      "cache: stored x",
    ]);
  });

  it("flushes of one entry at the same time share one store", async () => {
    const { cache, disk, write } = rig();
    await write("1", "x");
    await Promise.all([cache.flush(), cache.flush(), cache.sync()]);
    expect(disk.log.filter((line) => line.includes("store x"))).toHaveLength(1);
  });
});
