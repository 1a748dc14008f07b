import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { failCalls, setUp } from "./setup.js";

const full = new BackendError("ERR_NO_SPACE", "the disk is full");

it("of an eviction reaches the read that needed room, and nothing is lost", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512, { bytes: 512 });
  const source = pattern(512, 1);
  await cache.write(source, 0);
  failCalls(below, full, ({ method }) => method === "write");
  const error = await readRange(cache, 1024, 10).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "BackendError", code: "ERR_NO_SPACE" });
  expect(String(error)).toContain("the disk is full");
  await expect(cache.write(pattern(512, 2), 512)).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
  expect(await readRange(cache, 0, 512)).toEqual(source);
  below.before = () => {};
  expect(await readRange(cache, 1024, 10)).toEqual(contents.subarray(1024, 1034));
  expect(stored().subarray(0, 512)).toEqual(source);
  expect(await readRange(cache, 512, 512)).toEqual(contents.subarray(512, 1024));
});

it("of a sync keeps everything dirty, and a later sync completes", async () => {
  const { cache, below, contents, stored } = setUp(16 * 512);
  const source = pattern(1000, 1);
  await cache.write(source, 100);
  failCalls(below, full, ({ method }) => method === "write");
  await expect(cache.sync()).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
  expect(cache.dirtyBytes).toBe(3 * 512);
  below.before = () => {};
  await cache.sync();
  expect(cache.dirtyBytes).toBe(0);
  contents.set(source, 100);
  expect(stored()).toEqual(contents);
});

it("of the backend's sync makes the next one write again what may have been thrown away", async () => {
  const { cache, below, pages, stored } = setUp(16 * 512);
  const source = pattern(512, 1);
  await cache.write(source, 512);
  failCalls(below, new BackendError("ERR_IO", "fdatasync"), ({ method }) => method === "sync");
  await expect(cache.sync()).rejects.toMatchObject({ code: "ERR_IO" });
  // What the kernel may do to the pages that it could not write.
  pages.zero(512, 512);
  below.before = () => {};
  await cache.sync();
  expect(stored().subarray(512, 1024)).toEqual(source);
});

it("of a sync that an eviction needs keeps the block", async () => {
  const { cache, below, stored, pages } = setUp(16 * 512, { bytes: 512 });
  const source = pattern(512, 1);
  await cache.write(source, 0);
  failCalls(below, new BackendError("ERR_IO", "fdatasync"), ({ method }) => method === "sync");
  await expect(readRange(cache, 1024, 10)).rejects.toMatchObject({ code: "ERR_IO" });
  pages.zero(0, 512);
  below.before = () => {};
  await cache.sync();
  expect(stored().subarray(0, 512)).toEqual(source);
});

it("of a close leaves the cache open and closable", async () => {
  const { cache, below, stored } = setUp(16 * 512);
  const source = pattern(512, 1);
  await cache.write(source, 0);
  failCalls(below, full, ({ method }) => method === "write");
  await expect(cache.close()).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
  expect(below.of("close")).toEqual([]);
  expect(await readRange(cache, 0, 512)).toEqual(source);
  await cache.write(source, 512);
  below.before = () => {};
  await cache.close();
  expect(stored().subarray(0, 1024)).toEqual(Uint8Array.from([...source, ...source]));
  expect(below.of("close").length).toBe(1);
  await cache.close();
  expect(below.of("close").length).toBe(1);
});

it("that means something else to the backend than to the caller is ERR_IO", async () => {
  const { cache, below } = setUp(16 * 512, { bytes: 512 });
  await cache.write(pattern(512, 1), 0);
  failCalls(below, new BackendError("ERR_RANGE", "the device has shrunk"), ({ method }) => method === "write");
  await expect(readRange(cache, 1024, 10)).rejects.toMatchObject({ code: "ERR_IO" });
  below.before = () => {};
  await cache.close();
});
