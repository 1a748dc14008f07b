import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import { memoryFile, pattern, TINY } from "./support.js";

/** An image whose caches and file write down what they do, in one list. */
async function observed(caches = {}): Promise<{ image: Qcow2Image; log: string[]; file: FaultyFile }> {
  const file = new FaultyFile(memoryFile());
  const log: string[] = [];
  const image = await Qcow2Image.create(file, {
    size: 100_000_000,
    clusterSize: 4096,
    caches,
    observer: (event) => {
      if (event.type === "store") log.push(`store ${event.cache}`);
    },
  });
  file.fails = (kind) => {
    if (kind === "sync") log.push("sync");
    return false;
  };
  return { image, log, file };
}

/** Whether a sync of the file stands between the last `first` that comes before `then`, and `then`. */
function syncedBetween(log: readonly string[], first: string, then: string): boolean {
  const at = log.indexOf(then);
  const before = log.lastIndexOf(first, at);
  return at >= 0 && before >= 0 && log.slice(before, at).includes("sync");
}

describe("the order in which a write reaches the file", () => {
  it("refcounts are synced before the L2 and L1 entries that need them", async () => {
    const { image, log } = await observed();
    await image.write(pattern(4096, 1), 0);
    await image.sync();
    expect(syncedBetween(log, "store refcounts", "store l2")).toBe(true);
    expect(syncedBetween(log, "store refcounts", "store l1")).toBe(true);
    expect(log.at(-1)).toBe("sync");
  });

  it("data is synced before the L2 entry that shows it", async () => {
    const { image, log, file } = await observed();
    file.waits = (kind) => void (kind === "write" && log.push("write"));
    await image.write(pattern(4096, 1), 0);
    const dataWritten = log.length;
    await image.sync();
    const entry = log.indexOf("store l2");
    expect(entry).toBeGreaterThan(dataWritten);
    expect(log.slice(dataWritten, entry)).toContain("sync");
  });

  it("a whole write and sync of fresh clusters syncs the file twice, one in place once", async () => {
    const { image, log } = await observed();
    await image.write(pattern(40_960, 1), 0);
    await image.sync();
    expect(log.filter((line) => line === "sync")).toHaveLength(2);
    log.length = 0;
    await image.write(pattern(40_960, 2), 0);
    await image.sync();
    expect(log).toEqual(["sync"]);
    log.length = 0;
    await image.sync();
    expect(log).toEqual([]);
  });

  it("a refcount is lowered only after the entry that let the cluster go is durable", async () => {
    const { image, log } = await observed();
    await image.write(pattern(4096, 1), 0);
    await image.sync();
    log.length = 0;
    await image.discard(0, 4096);
    await image.sync();
    expect(log).toEqual(["store l2", "sync"]);
    await image.sync();
    expect(log.slice(2)).toEqual(["store refcounts", "sync"]);
  });

  it("holds under eviction, too", async () => {
    const { image, log } = await observed(TINY);
    for (let at = 0; at < 90_000_000; at += 5_000_000) await image.write(pattern(100, 1), at);
    for (const [index, line] of log.entries()) {
      if (line !== "store l2" && line !== "store l1") continue;
      const lastRefcounts = log.lastIndexOf("store refcounts", index);
      const firstRefcounts = log.indexOf("store refcounts");
      expect(firstRefcounts, "the first L2 entry").toBeGreaterThanOrEqual(0);
      expect(log.slice(lastRefcounts, index), `before line ${index}`).toContain("sync");
    }
    await image.close();
  });
});
