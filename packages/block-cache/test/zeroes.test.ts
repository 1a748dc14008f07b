import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { failCalls, holdCalls, settled, setUp } from "./setup.js";

it("are not undone by what was dirty before, nor written as data", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(4 * 512, 1), 512);
  await cache.writeZeroes(512, 4 * 512);
  await cache.sync();
  contents.fill(0, 512, 5 * 512);
  expect(below.of("writeZeroes")).toEqual(["512+2048"]);
  expect(below.of("write")).toEqual([]);
  expect(stored()).toEqual(contents);
});

it("in part of a block keep the dirty rest of it", async () => {
  const { cache, contents, stored } = setUp(16 * 512);
  const source = pattern(512, 1);
  await cache.write(source, 512);
  await cache.writeZeroes(600, 100);
  contents.set(source, 512);
  contents.fill(0, 600, 700);
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  await cache.sync();
  expect(stored()).toEqual(contents);
});

it("wait for a store that has begun, and stores that begin wait for them", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(512, 1), 512);
  const held = holdCalls(below, "write");
  const sync = cache.sync();
  await settled();
  const zeroes = cache.writeZeroes(512, 512);
  await settled();
  expect(below.of("writeZeroes")).toEqual([]);
  held.open();
  await Promise.all([sync, zeroes]);
  contents.fill(0, 512, 1024);
  expect(stored()).toEqual(contents);

  await cache.write(pattern(512, 2), 1024);
  const heldZeroes = holdCalls(below, "writeZeroes");
  const edge = cache.writeZeroes(1024, 100);
  await settled();
  const writes = below.of("write").length;
  const again = cache.sync();
  await settled();
  expect(below.of("write").length).toBe(writes);
  heldZeroes.open();
  await Promise.all([edge, again]);
  contents.set(pattern(512, 2), 1024);
  contents.fill(0, 1024, 1124);
  expect(stored()).toEqual(contents);
});

it("that the backend fails to write stay to be written where blocks are cached", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(512, 1), 512);
  await readRange(cache, 1024, 512);
  failCalls(below, new BackendError("ERR_IO", "no zeroes today"), ({ method }) => method === "writeZeroes");
  await expect(cache.writeZeroes(512, 1024)).rejects.toMatchObject({ code: "ERR_IO" });
  contents.fill(0, 512, 1536);
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  below.before = () => {};
  await cache.sync();
  expect(stored()).toEqual(contents);
});

it("beyond where the backend has grown to are kept until it grows", async () => {
  const { cache, stored, contents } = setUp(512);
  await cache.write(pattern(2048, 1), 1000);
  await cache.writeZeroes(1500, 1548);
  expect(cache.size).toBe(3048);
  const expected = new Uint8Array(3048);
  expected.set(contents);
  expected.set(pattern(2048, 1).subarray(0, 500), 1000);
  expect(await readRange(cache, 0, 3048)).toEqual(expected);
  await cache.sync();
  expect(stored()).toEqual(expected);
});
