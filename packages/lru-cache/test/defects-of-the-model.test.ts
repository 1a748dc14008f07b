import { describe, expect, it } from "vitest";
import { AsyncLruCache } from "../src/index.js";
import { outcome, quiet } from "./support/caches.js";
import { type Cell, Disk } from "./support/disk.js";
import { ModelPort, type Subject } from "./support/model-port.js";

const broken = new Error("broken");

/** What a scenario is played on. */
interface Stage {
  /** Makes a cache; disks share one log. */
  readonly make: (name: string, limit: number) => Actor;
  readonly log: string[];
}

interface Actor {
  readonly cache: Subject<string, Cell>;
  readonly disk: Disk;
  readonly dependsOn: (other: Actor) => Promise<void>;
}

/** Fails, in words, unless what a guarantee says holds. */
function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

async function write({ cache }: Actor, key: string, text: string): Promise<void> {
  const lease = await cache.acquire(key);
  lease.value.text = text;
  lease.markDirty();
  lease.release();
}

async function link(dependent: Actor, dependency: Actor, text: string): Promise<void> {
  await write(dependency, "x", text);
  await dependent.dependsOn(dependency);
  await write(dependent, "y", text);
}

/** What the model gets wrong, and how it shows. */
const scenarios: { readonly name: string; readonly defect: string; readonly play: (stage: Stage) => Promise<void> }[] =
  [
    {
      name: "a dirty victim is dropped when the flush of its dependency fails",
      defect: "the victim's value is lost",
      async play({ make }) {
        const [a, b] = [make("a", 1), make("b", 10)];
        await link(a, b, "1");
        b.disk.fail("store", broken);
        must((await outcome(a.cache.acquire("other"))) === "rejected", "the failure was not told");
        b.disk.fail("store");
        const lease = await a.cache.acquire("y");
        must(lease.value.text === "1", "the victim's value is lost");
      },
    },
    {
      name: "only direct edges are looked at for cycles, so a ring of three deadlocks",
      defect: "the ring deadlocks",
      async play({ make }) {
        const [a, b, c] = [make("a", 10), make("b", 10), make("c", 10)];
        const flushed = async () => {
          await link(a, b, "1");
          await link(b, c, "2");
          await link(c, a, "3");
          await Promise.all([a, b, c].map(({ cache }) => cache.flush()));
        };
        must((await outcome(flushed())) === "fulfilled", "the ring deadlocks");
      },
    },
    {
      name: "an eviction and an opposite edge lock each other out",
      defect: "eviction and opposite edge deadlock",
      async play({ make }) {
        const [a, b, c] = [make("a", 1), make("b", 10), make("c", 10)];
        await link(a, b, "1");
        await link(a, c, "2");
        c.disk.hold("store");
        const eviction = a.cache.acquire("other");
        await quiet();
        const opposite = b.dependsOn(a);
        await quiet();
        c.disk.letGo("store");
        const both = Promise.all([eviction, opposite]);
        must((await outcome(both)) === "fulfilled", "eviction and opposite edge deadlock");
      },
    },
    {
      name: "two opposite edges at the same moment lock each other out",
      defect: "opposite edges deadlock",
      async play({ make }) {
        const [a, b] = [make("a", 10), make("b", 10)];
        await write(a, "x", "1");
        await write(b, "x", "1");
        const both = Promise.all([a.dependsOn(b), b.dependsOn(a)]);
        must((await outcome(both)) === "fulfilled", "opposite edges deadlock");
      },
    },
    {
      name: "one miss blocks every hit",
      defect: "the hit waits for the miss",
      async play({ make }) {
        const { cache, disk } = make("a", 10);
        (await cache.acquire("hot")).release();
        disk.hold("load");
        const miss = cache.acquire("cold");
        await quiet();
        must((await outcome(cache.acquire("hot"))) === "fulfilled", "the hit waits for the miss");
        disk.letGo("load");
        await miss;
      },
    },
    {
      name: "a hit waits for an eviction",
      defect: "the hit waits for the eviction",
      async play({ make }) {
        const actor = make("a", 2);
        await write(actor, "victim", "1");
        (await actor.cache.acquire("hot")).release();
        actor.disk.hold("store");
        const miss = actor.cache.acquire("cold");
        await quiet();
        must((await outcome(actor.cache.acquire("hot"))) === "fulfilled", "the hit waits for the eviction");
        actor.disk.letGo("store");
        await miss;
      },
    },
    {
      name: "evicting a clean entry flushes all dependencies",
      defect: "a clean eviction wrote to the dependency",
      async play({ make, log }) {
        const [a, b] = [make("a", 1), make("b", 10)];
        (await a.cache.acquire("clean")).release();
        await write(b, "x", "1");
        await a.dependsOn(b);
        (await a.cache.acquire("other")).release();
        must(!log.includes("b: store x=1"), "a clean eviction wrote to the dependency");
      },
    },
    {
      name: "nothing syncs between dependency and dependent, so a power cut can reorder them",
      defect: "the dependent was written before its dependency was durable",
      async play({ make, log }) {
        const [a, b] = [make("a", 10), make("b", 10)];
        await link(a, b, "1");
        await a.cache.flush();
        const [synced, written] = [log.indexOf("b: synced"), log.indexOf("a: store y=1")];
        must(written !== -1, "the dependent was not written");
        must(
          synced !== -1 && synced < written && b.disk.durable.get("x") === "1",
          "the dependent was written before its dependency was durable",
        );
      },
    },
    {
      name: "an eviction scans all entries",
      defect: "evictions looked at",
      async play({ make }) {
        const limit = 1000;
        const { cache } = make("a", limit);
        for (let key = 0; key < 2 * limit; key++) (await cache.acquire(String(key))).release();
        const scanned = cache instanceof ModelPort ? cache.scanned : 0;
        must(scanned < 20 * limit, `evictions looked at ${scanned / limit} entries each`);
      },
    },
    {
      name: "a flush starts all its writes at once",
      defect: "stores under way at once",
      async play({ make }) {
        const actor = make("a", 1000);
        for (let key = 0; key < 500; key++) await write(actor, String(key), "1");
        actor.disk.hold("store");
        const flush = actor.cache.flush();
        await quiet();
        const { length } = actor.disk.waiting;
        actor.disk.letGo("store");
        await flush;
        must(length <= 16, `${length} stores under way at once`);
      },
    },
  ];

/** A stage with caches of one kind. */
function stage<C extends Subject<string, Cell> & { dependsOn(other: C): Promise<void> }>(
  makeCache: (disk: Disk, limit: number) => C,
): Stage {
  const log: string[] = [];
  const caches = new Map<Actor, C>();
  return {
    log,
    make: (name, limit) => {
      const disk = new Disk(name, log);
      const cache = makeCache(disk, limit);
      const dependsOn = async (other: Actor) => {
        const dependency = caches.get(other);
        if (dependency) await cache.dependsOn(dependency);
      };
      const actor = { cache, disk, dependsOn };
      caches.set(actor, cache);
      return actor;
    },
  };
}

describe("what is wrong in the model", () => {
  describe.each(scenarios)("$name", ({ defect, play }) => {
    it("not here", async () => {
      await play(stage((disk, limit) => new AsyncLruCache({ name: disk.name, limit, io: disk.io })));
    });

    it("in a port of its algorithm it shows", async () => {
      await expect(play(stage(({ io }, limit) => new ModelPort(limit, io)))).rejects.toThrow(defect);
    });
  });
});
