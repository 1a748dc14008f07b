import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { setUp } from "./setup.js";

it("take over when a request is a quarter of the cache, and leave the cache as it is", async () => {
  const { cache, below, contents } = setUp(64 * 512, { bytes: 16 * 512 });
  await readRange(cache, 0, 512);
  expect(await readRange(cache, 4 * 512, 40 * 512)).toEqual(contents.subarray(4 * 512, 44 * 512));
  expect(below.of("read")).toEqual(["0+512", `2048+${40 * 512}`]);
  expect(cache.counters).toMatchObject({ directReads: 1, loads: 1, evictions: 0 });
});

it("see what is dirty in the cache, and have the parts of blocks at the ends along", async () => {
  const { cache, below, contents } = setUp(64 * 512, { bytes: 16 * 512 });
  const source = pattern(700, 1);
  await cache.write(source, 5 * 512 + 300);
  contents.set(source, 5 * 512 + 300);
  below.calls.length = 0;
  expect(await readRange(cache, 100, 20 * 512)).toEqual(contents.subarray(100, 100 + 20 * 512));
  expect(below.of("read")).toEqual([`100+${5 * 512 - 100}`, `${7 * 512}+${13 * 512 + 100}`]);
});

it("reach the end where the last block is not whole, and where the backend has not grown so far", async () => {
  const { cache, contents } = setUp(10 * 512 + 5, { bytes: 8 * 512, directRead: 512 });
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  await cache.write(pattern(1, 1), 20 * 512);
  const expected = new Uint8Array(20 * 512 + 1);
  expected.set(contents);
  expected.set(pattern(1, 1), 20 * 512);
  expect(await readRange(cache, 0, expected.length)).toEqual(expected);
});

it("can be turned off", async () => {
  const { cache, contents } = setUp(64 * 512, { bytes: 8 * 512, directRead: Infinity });
  expect(await readRange(cache, 3, 60 * 512)).toEqual(contents.subarray(3, 3 + 60 * 512));
  expect(cache.counters).toMatchObject({ directReads: 0, loads: 61 });
});
