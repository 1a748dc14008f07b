import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { failCalls, holdCalls, settled, setUp } from "./setup.js";

it("that fails leaves size and bytes as they are, dirty ones too", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  const source = pattern(2000, 1);
  await cache.write(source, 3000);
  failCalls(below, new BackendError("ERR_IO", "no"), ({ method }) => method === "truncate");
  await expect(cache.truncate(3333)).rejects.toMatchObject({ code: "ERR_IO" });
  contents.set(source, 3000);
  expect(cache.size).toBe(16 * 512);
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  below.before = () => {};
  await cache.sync();
  expect(stored()).toEqual(contents);
});

it("down waits for stores under way, and those that wait for it write nothing beyond the end", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(2048, 1), 4096);
  contents.set(pattern(2048, 1), 4096);
  const writes = holdCalls(below, "write");
  const first = cache.sync();
  await settled();
  await cache.write(pattern(512, 2), 4608);
  contents.set(pattern(512, 2), 4608);
  const cut = cache.truncate(4700);
  await settled();
  expect(below.of("truncate")).toEqual([]);
  const truncates = holdCalls(below, "truncate");
  writes.open();
  await first;
  await settled();
  expect(below.of("truncate")).toEqual(["4700+0"]);
  const second = cache.sync();
  await settled();
  truncates.open();
  await Promise.all([cut, second]);
  expect(stored()).toEqual(contents.subarray(0, 4700));
  await cache.truncate(16 * 512);
  await cache.sync();
  expect(stored().subarray(4700)).toEqual(new Uint8Array(16 * 512 - 4700));
});

it("down makes a read that waited for it ERR_RANGE, if what it wants is gone", async () => {
  const { cache, below } = setUp(16 * 512);
  const held = holdCalls(below, "truncate");
  const cut = cache.truncate(1000);
  await settled();
  const read = readRange(cache, 2000, 10);
  const write = cache.write(pattern(10, 1), 2000);
  held.open();
  await cut;
  await expect(read).rejects.toMatchObject({ code: "ERR_RANGE" });
  await write;
  expect(cache.size).toBe(2010);
  expect(await readRange(cache, 1000, 1000)).toEqual(new Uint8Array(1000));
});

it("does not make reads below the cut wait", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  await readRange(cache, 0, 10);
  const held = holdCalls(below, "truncate");
  const cut = cache.truncate(1100);
  await settled();
  expect(await readRange(cache, 0, 1024)).toEqual(contents.subarray(0, 1024));
  held.open();
  await cut;
});
