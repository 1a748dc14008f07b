import { describe, expect, it } from "vitest";
import { type PublishGuarantee, S3Backend, type S3Conditions } from "../src/index.js";
import { open, openIn, pattern, readAt } from "./disks.js";
import { realBucket } from "./real-store.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const bucket = realBucket();
const mebibyte = 2 ** 20;

/** Stores that honour all conditions, those of a `PUT`, and none. */
const kinds: [PublishGuarantee, S3Conditions][] = [
  ["conditional", { put: "quoted", complete: true }],
  ["locked", { put: "quoted", complete: false }],
  ["checked", { put: "none", complete: false }],
];

async function storeOf(conditions: S3Conditions): Promise<SmallStore> {
  const store = await startSmallStore();
  store.honours.put = conditions.put !== "none";
  store.honours.complete = conditions.complete;
  return store;
}

describe.each(kinds)("where publishing is %s", (guarantee, conditions) => {
  it("that is found out at open, and leaves nothing behind", async () => {
    const store = await storeOf(conditions);
    store.put("bucket/disk", pattern(100));
    const disk = await openIn(store, "disk", { write: true });
    expect(disk.guarantee).toBe(guarantee);
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
    expect(store.uploads.size).toBe(0);
  });

  it.each([
    ["small", 300_000],
    ["large", 11 * mebibyte],
  ])("of two writers of a %s object one publishes, and the other keeps its changes", async (_, size) => {
    const store = await storeOf(conditions);
    store.put("bucket/disk", pattern(size));
    const writers = [await openIn(store, "disk", { write: true }), await openIn(store, "disk", { write: true })];
    for (const [index, writer] of writers.entries()) await writer.write(pattern(1000, index + 1), 500);
    const racing = guarantee !== "checked";
    const outcomes: PromiseSettledResult<void>[] = [];
    if (racing) outcomes.push(...(await Promise.allSettled(writers.map((writer) => writer.sync()))));
    else for (const writer of writers) outcomes.push(...(await Promise.allSettled([writer.sync()])));
    const winners = writers.filter((__, index) => outcomes[index]?.status === "fulfilled");
    expect(winners.length).toBe(1);
    for (const [index, writer] of writers.entries()) {
      const won = writer === winners[0];
      if (!won) await expect(writer.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
      expect(await readAt(writer, 500, 1000)).toEqual(pattern(1000, index + 1));
      if (!won) continue;
      await writer.write(pattern(10, 7), 2000);
      await writer.sync();
      const found = store.objects.get("bucket/disk")?.body.subarray(500, 2010) ?? Buffer.alloc(0);
      expect(found.subarray(0, 1000).equals(pattern(1000, index + 1))).toBe(true);
      expect(found.subarray(1500).equals(pattern(10, 7))).toBe(true);
    }
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
    expect(store.uploads.size).toBe(0);
    for (const writer of writers) await writer.abandon();
  });

  it("an object is made once, and one that is there stays", async () => {
    const store = await storeOf(conditions);
    const disk = await openIn(store, "disk", { write: true, create: "new" });
    await disk.write(pattern(100), 0);
    await disk.sync();
    await expect(openIn(store, "disk", { write: true, create: "new" })).rejects.toMatchObject({ code: "ERR_EXISTS" });
    expect(store.objects.get("bucket/disk")?.body.length).toBe(100);
  });

  it("one that is to be replaced stays until something is published", async () => {
    const store = await storeOf(conditions);
    store.put("bucket/disk", pattern(1000));
    const disk = await openIn(store, "disk", { write: true, create: "replace" });
    expect([disk.size, store.objects.get("bucket/disk")?.body.length]).toEqual([0, 1000]);
    await disk.write(pattern(10, 5), 0);
    await disk.sync();
    expect(store.objects.get("bucket/disk")?.body.equals(pattern(10, 5))).toBe(true);
    const other = await openIn(store, "other", { write: true, create: "replace" });
    expect([other.size, store.objects.has("bucket/other")]).toEqual([0, false]);
    await other.sync();
    expect(store.objects.get("bucket/other")?.body.length).toBe(0);
    const large = await openIn(store, "large", { write: true, create: "replace" });
    await large.write(pattern(20 * mebibyte), 0);
    await large.sync();
    expect(store.objects.get("bucket/large")?.body.equals(pattern(20 * mebibyte))).toBe(true);
    const late = await openIn(store, "late", { write: true, create: "replace" });
    store.put("bucket/late", pattern(10));
    await late.write(pattern(20), 0);
    await expect(late.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    await late.abandon();
  });
});

it("eight that make an object at once: one succeeds", async () => {
  const store = await storeOf({ put: "quoted", complete: true });
  const options = { write: true, create: "new", conditions: { put: "quoted", complete: true } } as const;
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => openIn(store, "disk", options)));
  expect(all.filter(({ status }) => status === "fulfilled").length).toBe(1);
  for (const each of all) if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "ERR_EXISTS" });
});

it("a store without ETags is not written to", async () => {
  const store = await storeOf({ put: "none", complete: false });
  store.put("bucket/disk", pattern(100));
  store.always = (_request, response, serve) => {
    const writeHead = response.writeHead.bind(response) as (status: number, headers: Record<string, string>) => void;
    Object.assign(response, {
      writeHead: (status: number, { etag: _etag, ...headers }: Record<string, string>) => writeHead(status, headers),
    });
    serve();
  };
  const conditions: S3Conditions = { put: "none", complete: false };
  await expect(openIn(store, "disk", { write: true, conditions })).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
});

it("create without write is ERR_READ_ONLY, an option out of its bounds ERR_RANGE", async () => {
  const store = await storeOf({ put: "none", complete: false });
  await expect(openIn(store, "disk", { create: "new" })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  for (const options of [{ memory: -1 }, { parallelParts: 0 }, { staleUploads: 0.5 }]) {
    await expect(openIn(store, "disk", { write: true, ...options })).rejects.toMatchObject({ code: "ERR_RANGE" });
  }
  expect(store.log).toEqual([]);
});

it("on the store that the tests run against, two racing writers of a large object", async () => {
  const location = await bucket.put(pattern(11 * mebibyte));
  const conditions = await bucket.conditions();
  const writers = [];
  for (let index = 1; index <= 2; index++) {
    const writer = await open({ ...location, write: true, conditions });
    await writer.write(pattern(1000, index), 6 * mebibyte);
    writers.push(writer);
  }
  const outcomes: PromiseSettledResult<void>[] = [];
  // A store that honours no condition leaves a moment between the look and the step.
  if (writers[0]?.guarantee === "checked") {
    for (const writer of writers) outcomes.push(...(await Promise.allSettled([writer.sync()])));
  } else {
    outcomes.push(...(await Promise.allSettled(writers.map((writer) => writer.sync()))));
  }
  const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
  const loser = outcomes[1 - winner];
  expect(loser).toMatchObject({ status: "rejected", reason: { code: "ERR_CHANGED" } });
  for (const writer of writers) await writer.abandon();
  const found = await S3Backend.open(location);
  expect(await readAt(found, 6 * mebibyte - 10, 1020)).toEqual(
    Uint8Array.from([
      ...pattern(6 * mebibyte).subarray(-10),
      ...pattern(1000, winner + 1),
      ...pattern(6 * mebibyte + 1010).subarray(-10),
    ]),
  );
  await found.close();
});
