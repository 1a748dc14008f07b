import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { holdCalls, settled, setUp } from "./setup.js";

it("reads neighbouring missing blocks of one request as one", async () => {
  const { cache, below, contents } = setUp(20 * 512 + 100);
  expect(await readRange(cache, 700, 3000)).toEqual(contents.subarray(700, 3700));
  expect(below.of("read")).toEqual([`512+${7 * 512}`]);
});

it("reads only what is missing", async () => {
  const { cache, below, contents } = setUp(20 * 512);
  await readRange(cache, 3 * 512, 512);
  await readRange(cache, 6 * 512, 1);
  expect(await readRange(cache, 0, 8 * 512)).toEqual(contents.subarray(0, 8 * 512));
  expect(below.of("read").slice(2)).toEqual(["0+1536", "2048+1024", "3584+512"]);
});

it("reads as one what several requests of one turn miss", async () => {
  const { cache, below, contents } = setUp(20 * 512);
  const found = await Promise.all([2, 0, 3, 1, 0].map((index) => readRange(cache, index * 512 + 10, 100)));
  expect(below.of("read")).toEqual(["0+2048"]);
  expect(found[0]).toEqual(contents.subarray(1034, 1134));
  expect(found[4]).toEqual(contents.subarray(10, 110));
});

it("reads as one what requests miss while all reads that may be under way are", async () => {
  const { cache, below } = setUp(20 * 512, { parallel: 1 });
  const held = holdCalls(below, "read");
  const reads = [readRange(cache, 0, 1)];
  for (const index of [7, 5, 6, 12]) {
    await settled();
    reads.push(readRange(cache, index * 512, 1));
  }
  await settled();
  expect(below.of("read")).toEqual(["0+512"]);
  held.open();
  await Promise.all(reads);
  expect(below.of("read")).toEqual(["0+512", `${5 * 512}+1536`, `${12 * 512}+512`]);
});

it("combines no more than maxTransfer", async () => {
  const { cache, below, contents } = setUp(40 * 512, { maxTransfer: 4 * 512 + 511 });
  expect(await readRange(cache, 0, 15 * 512)).toEqual(contents.subarray(0, 15 * 512));
  expect(below.of("read")).toEqual(["0+2048", "2048+2048", "4096+2048", "6144+1536"]);
  await cache.write(pattern(15 * 512, 1), 0);
  await cache.sync();
  expect(below.of("write")).toEqual(["0+2048", "2048+2048", "4096+2048", "6144+1536"]);
});

it("has all transfers of one request under way at once", async () => {
  const { cache, below } = setUp(40 * 512, { maxTransfer: 512, parallel: 16, directRead: Infinity });
  const held = holdCalls(below, "read");
  const read = readRange(cache, 0, 12 * 512);
  await settled();
  expect(below.of("read")).toEqual(Array.from({ length: 12 }, (_, index) => `${index * 512}+512`));
  held.open();
  await read;
});

it("reads a block once for all who want it at the same time", async () => {
  const { cache, below } = setUp(4 * 512);
  const held = holdCalls(below, "read");
  const reads = [readRange(cache, 1, 1)];
  await settled();
  reads.push(readRange(cache, 2, 1), readRange(cache, 3, 1));
  held.open();
  await Promise.all(reads);
  expect(below.of("read")).toEqual(["0+512"]);
  expect(cache.counters).toMatchObject({ misses: 3, loads: 1, backendReads: 1 });
});

it("reads nothing for a block that is written as a whole", async () => {
  const { cache, below, contents } = setUp(8 * 512);
  const source = pattern(3 * 512, 1);
  await cache.write(source, 512);
  expect(below.calls).toEqual([]);
  contents.set(source, 512);
  expect(await readRange(cache, 512, 3 * 512)).toEqual(source);
  expect(below.calls).toEqual([]);
  await cache.sync();
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
});

it("reads a block that is written in part once, and the last block of a fixed size not at all", async () => {
  const { cache, below } = setUp(2 * 512 + 100, {}, { grow: false, truncate: false });
  await Promise.all([cache.write(pattern(10, 1), 5), cache.write(pattern(10, 2), 100)]);
  await cache.write(pattern(100, 3), 1024);
  expect(below.of("read")).toEqual(["0+512"]);
});

it("reads nothing for what is appended in whole blocks behind the end", async () => {
  const { cache, below, stored } = setUp(512);
  const source = pattern(1300, 1);
  for (let at = 0; at < 1300; at += 130) await cache.write(source.subarray(at, at + 130), 512 + at);
  await cache.sync();
  expect(below.of("read")).toEqual([]);
  expect(below.of("write")).toEqual(["512+1300"]);
  expect(stored().subarray(512)).toEqual(source);
});

it("writes neighbouring dirty blocks as one, in whatever order they were written", async () => {
  const { cache, below, stored } = setUp(20 * 512);
  for (const index of [4, 2, 9, 3, 10]) await cache.write(pattern(512, index), index * 512);
  await cache.sync();
  expect(below.of("write").toSorted()).toEqual(["1024+1536", "4608+1024"]);
  expect(stored().subarray(3 * 512, 4 * 512)).toEqual(pattern(512, 3));
});

it("writes a last block only as far as it goes", async () => {
  const { cache, below, stored } = setUp(512 + 7);
  await cache.write(pattern(3, 1), 514);
  await cache.sync();
  expect(below.of("write")).toEqual(["512+7"]);
  expect(stored().length).toBe(519);
});

it("keeps both what rewrites the last block and what grows it at the same time", async () => {
  const { cache, below, contents, stored } = setUp(2 * 512 + 100);
  const held = holdCalls(below, "read");
  const growing = cache.write(pattern(50, 1), 1124);
  await settled();
  const rewriting = cache.write(pattern(100, 2), 1024);
  await settled();
  held.open();
  await Promise.all([growing, rewriting]);
  await cache.sync();
  const expected = Uint8Array.from([...contents.subarray(0, 1024), ...pattern(100, 2), ...pattern(50, 1)]);
  expect(stored()).toEqual(expected);
});

it("makes room a quarter of the cache at a time, so that many blocks share a write and a sync", async () => {
  const { cache, below } = setUp(512 * 512, { bytes: 128 * 512 });
  for (let at = 0; at < 512; at++) await cache.write(pattern(512, 1), at * 512);
  expect(below.of("sync").length).toBeLessThanOrEqual(12);
  expect(below.of("write").length).toBeLessThanOrEqual(16);
});
