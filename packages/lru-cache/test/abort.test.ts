import { describe, expect, it } from "vitest";
import { AsyncLruCache, type LoadWait } from "../src/index.js";
import { outcome, quiet, rig } from "./support/caches.js";

describe("guarantee 11: abort", () => {
  it("an abort ends the wait of the one who gave the signal, with its reason", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    expect(cache.size).toBe(0);
  });

  it("others who wait for the same load get their entry", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    const other = cache.acquire("x");
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    expect(await outcome(other)).toBe("waiting");
    disk.letGo("load");
    expect((await other).key).toBe("x");
    expect(cache.counters.loads).toBe(1);
  });

  it("the load itself is told when nobody waits any more, and not before", async () => {
    let wait: LoadWait | undefined;
    const io = { load: (_: string, w: LoadWait) => ((wait = w), new Promise<string>(() => {})), store: () => {} };
    const cache = new AsyncLruCache<string, string>({ limit: 10, io });
    const controllers = [new AbortController(), new AbortController()];
    const given = controllers.map(({ signal }) => cache.acquire("x", { signal }));
    controllers[0]?.abort();
    expect(wait?.signal.aborted).toBe(false);
    controllers[1]?.abort();
    expect(wait?.signal.aborted).toBe(true);
    await Promise.allSettled(given);
  });

  it("a load that looks at its signal only afterwards sees that it was given up", async () => {
    let wait: LoadWait | undefined;
    const io = { load: (_: string, w: LoadWait) => ((wait = w), new Promise<string>(() => {})), store: () => {} };
    const cache = new AsyncLruCache<string, string>({ limit: 10, io });
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    expect(wait?.signal.aborted).toBe(true);
  });

  it("whoever asks after a load was given up starts a new one", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    const again = cache.acquire("x");
    disk.letGo("load");
    expect((await again).key).toBe("x");
    expect(cache.counters.loads).toBe(2);
    expect(cache.size).toBe(1);
  });

  it("a load that fails after it was given up bothers nobody", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    disk.hanging("load").fail(new Error("too late"));
    await quiet();
    disk.letGo("load");
    expect(await outcome(cache.acquire("x"))).toBe("fulfilled");
  });

  it("an abort while room is made calls off the load, and the write-back goes on", async () => {
    const { cache, disk, write } = rig({ limit: 1, strict: true });
    await write("1", "victim");
    disk.hold("store");
    const controller = new AbortController();
    const given = cache.acquire("x", { signal: controller.signal });
    await quiet();
    controller.abort();
    await expect(given).rejects.toThrow("abort");
    disk.letGo("store");
    await quiet();
    expect(disk.durable.get("victim")).toBe("1");
    expect(disk.log).not.toContain("cache: load x");
    expect(await outcome(cache.acquire("y"))).toBe("fulfilled");
  });

  it("a signal that has fired already ends the wait before it begins", async () => {
    const { cache, disk, touch } = rig();
    await touch("hot");
    for (const key of ["hot", "cold"]) {
      await expect(cache.acquire(key, { signal: AbortSignal.abort() })).rejects.toThrow("abort");
    }
    expect(disk.log).toEqual(["cache: load hot"]);
  });

  it("a signal that fires while the load begins ends the wait too", async () => {
    const controller = new AbortController();
    const load = () => (controller.abort(), new Promise<string>(() => {}));
    const cache = new AsyncLruCache<string, string>({ limit: 10, io: { load, store: () => {} } });
    await expect(cache.acquire("x", { signal: controller.signal })).rejects.toThrow("abort");
  });

  it("a signal that fires after the lease was given does nothing, and nothing keeps listening to it", async () => {
    const { cache, disk } = rig();
    disk.hold("load");
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: EventListener) => (listeners++, add(type, listener));
    signal.removeEventListener = (type: string, listener: EventListener) => (listeners--, remove(type, listener));
    const given = cache.acquire("x", { signal });
    expect(listeners).toBe(1);
    disk.letGo("load");
    const lease = await given;
    expect(listeners).toBe(0);
    controller.abort();
    expect(cache.tryAcquire("x")?.value).toBe(lease.value);
  });
});
