import { describe, expect, it } from "vitest";
import { AsyncLruCache, CacheError, type CacheOptions, DirectWrites, isCacheError } from "../src/index.js";
import { SyncGroup } from "../src/sync-group.js";
import { codeOf, outcome, quiet, rig } from "./support/caches.js";

describe("options", () => {
  const io = { load: () => "", store: () => {} };

  it.each<Partial<CacheOptions<string, string>>>([
    { limit: 0 },
    { limit: -1 },
    { limit: 1.5 },
    { limit: NaN },
    { limit: Infinity },
    { maxWriteBacks: 0 },
    { maxBatch: 0 },
    { evictionBatch: 0 },
    { maxWeight: 10 },
    { maxWeight: 0, weigh: () => 1 },
    { maxWeight: NaN, weigh: () => 1 },
  ])("%j is refused by name", (wrong) => {
    const name = Object.keys(wrong)[0] ?? "";
    const make = () => new AsyncLruCache<string, string>({ limit: 10, io, name: "tables", ...wrong });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
    expect(make).toThrow(new RegExp(`^tables: ${name}`));
  });

  it("a limit that is out of range is refused at run time too, and changes nothing", async () => {
    const { cache } = rig({ limit: 10 });
    expect(await codeOf(cache.setLimit(0))).toBe("ERR_ARGUMENT");
    expect(cache.limit).toBe(10);
  });
});

describe("errors", () => {
  it("are told apart by code, without instanceof", () => {
    const error = new CacheError("ERR_PINNED", "held", { keys: [1] });
    expect([isCacheError(error), isCacheError(error, "ERR_PINNED"), isCacheError(error, "ERR_SYNC")]).toEqual([
      true,
      true,
      false,
    ]);
    const foreign = Object.assign(new Error("held"), { name: "CacheError", code: "ERR_PINNED" });
    expect(isCacheError(foreign, "ERR_PINNED")).toBe(true);
    for (const other of [new Error("held"), null, "held", { code: "ERR_PINNED" }])
      expect(isCacheError(other)).toBe(false);
  });
});

describe("sharing of syncs", () => {
  const group = () => {
    const runs: PromiseWithResolvers<void>[] = [];
    const state = { written: 1, most: 0, under: 0 };
    const syncs = new SyncGroup(
      () => state.written,
      () => {
        const run = Promise.withResolvers<void>();
        runs.push(run);
        state.most = Math.max(state.most, ++state.under);
        return run.promise.finally(() => state.under--);
      },
    );
    return { runs, state, syncs };
  };

  it("a sync that covers all that was written serves whoever asks meanwhile", async () => {
    const { runs, syncs } = group();
    const both = [syncs.request(), syncs.request()];
    runs[0]?.resolve();
    await Promise.all(both);
    expect(runs).toHaveLength(1);
  });

  it("whoever wrote since it began shares the next one", async () => {
    const { runs, state, syncs } = group();
    const first = syncs.request();
    state.written++;
    const others = [syncs.request(), syncs.request()];
    runs[0]?.resolve();
    await first;
    expect(await outcome(Promise.all(others))).toBe("waiting");
    runs[1]?.resolve();
    await Promise.all(others);
    expect(runs).toHaveLength(2);
  });

  it("syncs never overlap, whenever they are asked for", async () => {
    const { runs, state, syncs } = group();
    const ask = async (turns: number): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) {
        state.written++;
        await syncs.request();
      }
    };
    const all = Promise.all([ask(5), ask(7), ask(3)]);
    while ((await outcome(all)) === "waiting") runs.at(-1)?.resolve();
    expect(state.most).toBe(1);
    expect(runs.length).toBeLessThan(15);
  });

  it("one that fails is told to those it served, and to nobody who asks afterwards", async () => {
    const { runs, state, syncs } = group();
    const first = syncs.request();
    state.written++;
    const second = syncs.request();
    runs[0]?.reject(new Error("broken"));
    await expect(first).rejects.toThrow("broken");
    await quiet();
    runs[1]?.resolve();
    await second;
    const third = syncs.request();
    expect(runs).toHaveLength(3);
    runs[2]?.resolve();
    await third;
  });
});

describe("direct writes", () => {
  it("are synced before what depends on them", async () => {
    const log: string[] = [];
    const direct = new DirectWrites({ sync: () => void log.push("direct: synced") });
    const { cache, write } = rig({}, log);
    expect(direct.pending).toBe(false);
    await cache.dependsOn(direct);
    expect(cache.dependencies).toEqual([]);
    direct.wrote();
    await cache.dependsOn(direct);
    expect(cache.dependencies).toEqual(["direct writes"]);
    await write("1", "x");
    await cache.flush();
    expect(log.indexOf("direct: synced")).toBeGreaterThan(0);
    expect(log.indexOf("direct: synced")).toBeLessThan(log.indexOf("cache: store x=1"));
    expect(direct.pending).toBe(false);
  });

  it("a write during a sync is not covered by it", async () => {
    let end: (() => void) | undefined;
    const direct = new DirectWrites({ sync: () => new Promise<void>((resolve) => (end = resolve)) });
    direct.wrote();
    const sync = direct.sync();
    await quiet();
    direct.wrote();
    end?.();
    await sync;
    expect(direct.pending).toBe(true);
  });

  it("a sync that fails keeps what depends on them waiting", async () => {
    let fault: Error | undefined = new Error("broken");
    const sync = () => {
      if (fault) throw fault;
    };
    const direct = new DirectWrites({ name: "data", sync });
    const { cache, disk, write } = rig();
    direct.wrote();
    await cache.dependsOn(direct);
    await write("1", "x");
    await expect(cache.flush()).rejects.toMatchObject({
      code: "ERR_DEPENDENCY",
      cause: { code: "ERR_SYNC", cause: fault },
    });
    expect(disk.stored.size).toBe(0);
    expect(cache.dependencies).toEqual(["data"]);
    fault = undefined;
    await cache.sync();
    expect(disk.durable.get("x")).toBe("1");
  });

  it("that have to come after a cache wait until it is durable", async () => {
    const direct = new DirectWrites({ sync: () => {} });
    const { cache, disk, write } = rig();
    await write("1", "x");
    await direct.dependsOn(cache);
    expect(disk.durable.get("x")).toBe("1");
    await write("2", "x");
    disk.fail("sync", new Error("broken"));
    expect(await codeOf(direct.dependsOn(cache))).toBe("ERR_DEPENDENCY");
  });
});

describe("callbacks that throw", () => {
  it("an observer that throws harms nothing, and its error comes out as uncaught", async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      const fault = new Error("observer");
      const { cache, disk, write, touch } = rig({
        limit: 1,
        observer: () => {
          throw fault;
        },
      });
      await write("1", "x");
      await touch("y");
      await cache.sync();
      await quiet();
      expect(disk.durable.get("x")).toBe("1");
      expect([...cache.keys()]).toEqual(["y"]);
      expect(uncaught.length).toBeGreaterThan(0);
      expect(uncaught.every((error) => error === fault)).toBe(true);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });
});
