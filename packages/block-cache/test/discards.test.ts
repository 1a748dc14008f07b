import { BackendError, MemoryBackend } from "@instar/backend";
import { expect, it } from "vitest";
import { BlockCache } from "../src/index.js";
import { pattern, readRange } from "./bytes.js";
import { failCalls, setUp } from "./setup.js";

/** A backend that takes a discard as advice it does not follow. */
class KeepingBackend extends MemoryBackend {
  protected override async doDiscard(): Promise<void> {}
}

it("never bring back what was in the backend before the last write", async () => {
  const below = new KeepingBackend();
  const [oldest, old] = [pattern(2048, 1), pattern(2048, 2)];
  await below.write(oldest, 0);
  const cache = new BlockCache(below, { blockSize: 512, bytes: 8192 });
  await cache.write(old, 0);
  await cache.discard(300, 1500);
  expect(await readRange(cache, 0, 2048)).toEqual(old);
  await cache.sync();
  expect(await readRange(below, 0, 2048)).toEqual(old);
});

it("reach the backend, and are not undone by what was dirty before", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(1024, 1), 1024);
  await readRange(cache, 2048, 512);
  await cache.discard(1024, 2048);
  expect(below.of("discard")).toEqual(["1024+2048"]);
  await cache.sync();
  contents.fill(0, 1024, 3072);
  expect(stored()).toEqual(contents);
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
});

it("leave a cached block alone of which they have a part, and take the part of one that is not", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  await cache.write(pattern(10, 1), 600);
  contents.set(pattern(10, 1), 600);
  await cache.discard(700, 2000);
  expect(below.of("discard")).toEqual([`1024+${2700 - 1024}`]);
  contents.fill(0, 1024, 2700);
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  await cache.discard(520, 20);
  expect(below.of("discard").length).toBe(1);
});

it("that fail lose nothing that is cached", async () => {
  const { cache, below, pages, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(512, 1), 0);
  contents.set(pattern(512, 1));
  await readRange(cache, 512, 512);
  failCalls(below, new BackendError("ERR_IO", "half of it is gone"), ({ method }) => method === "discard");
  await expect(cache.discard(0, 1024)).rejects.toMatchObject({ code: "ERR_IO" });
  pages.zero(0, 1024);
  below.before = () => {};
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  await cache.sync();
  expect(stored()).toEqual(contents);
});

it("write what is dirty first, and discard nothing when that fails", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  await cache.write(pattern(512, 1), 0);
  contents.set(pattern(512, 1));
  failCalls(below, new BackendError("ERR_NO_SPACE", "full"), ({ method }) => method === "write");
  await expect(cache.discard(0, 1024)).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
  expect(below.of("discard")).toEqual([]);
  below.before = () => {};
  await cache.sync();
  expect(stored()).toEqual(contents);
});
