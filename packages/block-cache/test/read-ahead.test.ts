import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { readRange } from "./bytes.js";
import { failCalls, settled, setUp } from "./setup.js";

const KIB = 1024;
const options = { bytes: 256 * 512, readAhead: 8 * KIB };

it("is off unless asked for", async () => {
  const { cache, below } = setUp(64 * KIB);
  for (let at = 0; at < 8; at++) await readRange(cache, at * 512, 512);
  await settled();
  expect(cache.counters.readAheads).toBe(0);
  expect(below.of("read").length).toBe(8);
});

it("begins with the second read in a row, and doubles up to its bound", async () => {
  const { cache, below } = setUp(64 * KIB, options);
  for (let at = 0; at < 40 * KIB; at += KIB) {
    await readRange(cache, at, KIB);
    await settled();
  }
  const reads = below.of("read");
  const first = [`0+${KIB}`, `${KIB}+${KIB}`, `${2 * KIB}+${2 * KIB}`];
  expect(reads.slice(0, 3)).toEqual(first);
  expect(reads.length).toBeLessThan(14);
  const lengths = below.calls.map(({ length }) => length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(8 * KIB);
  const furthest = Math.max(...below.calls.map(({ offset, length }) => offset + length));
  expect(furthest).toBeLessThanOrEqual(48 * KIB);
});

it("does nothing for reads here and there", async () => {
  const { cache } = setUp(64 * KIB, options);
  for (let at = 0; at < 60; at++) await readRange(cache, ((at * 37) % 60) * KIB, 512);
  await settled();
  expect(cache.counters.readAheads).toBe(0);
});

it("follows several readers at once", async () => {
  const { cache } = setUp(64 * KIB, options);
  for (let at = 0; at < 8 * KIB; at += KIB) {
    await readRange(cache, at, KIB);
    await readRange(cache, 32 * KIB + at, KIB);
    await settled();
  }
  const before = cache.counters;
  await readRange(cache, 8 * KIB, KIB);
  await readRange(cache, 40 * KIB, KIB);
  expect(cache.counters.hits - before.hits).toBe(4);
});

it("never goes past the end", async () => {
  const { cache, below } = setUp(10 * KIB + 100, options);
  for (let at = 0; at < 9 * KIB; at += KIB) {
    await readRange(cache, at, KIB);
    await settled();
  }
  const ends = below.calls.map(({ offset, length }) => offset + length);
  expect(Math.max(...ends)).toBe(10 * KIB + 100);
});

it("has no more than a quarter of the cache waiting to be read", async () => {
  const { cache } = setUp(64 * KIB, { bytes: 16 * 512, readAhead: 64 * KIB, directRead: Infinity });
  for (let at = 0; at < 8; at++) {
    await readRange(cache, at * 512, 512);
    await settled();
  }
  const furthest = cache.counters.readAheads + cache.counters.backendReads;
  expect(cache.counters.readAheads).toBeGreaterThan(0);
  expect(furthest).toBeLessThanOrEqual(8 + 4 + 8);
  const before = cache.counters.readAheads;
  await readRange(cache, 8 * 512, 512);
  await settled();
  expect(cache.counters.readAheads - before).toBeLessThanOrEqual(4);
});

it("keeps its failures to itself, and the reader gets its bytes", async () => {
  const { cache, below, contents } = setUp(64 * KIB, options);
  const error = new BackendError("ERR_IO", "beyond 4 KiB nothing can be read now");
  failCalls(below, error, ({ offset, length }) => offset + length > 4 * KIB);
  for (let at = 0; at < 4 * KIB; at += KIB) {
    expect(await readRange(cache, at, KIB)).toEqual(contents.subarray(at, at + KIB));
    await settled();
  }
  await expect(readRange(cache, 4 * KIB, KIB)).rejects.toBe(error);
  below.before = () => {};
  expect(await readRange(cache, 4 * KIB, KIB)).toEqual(contents.subarray(4 * KIB, 5 * KIB));
});

it("is given up when the cache is closed", async () => {
  const { cache, below } = setUp(64 * KIB, options);
  let given: AbortSignal | undefined;
  below.before = async ({ offset }, call) => {
    if (offset < 2 * KIB) return;
    given = call?.signal;
    await new Promise<void>((resolve) => given?.addEventListener("abort", () => resolve()));
  };
  await readRange(cache, 0, KIB);
  await readRange(cache, KIB, KIB);
  await settled();
  expect(given?.aborted).toBe(false);
  await cache.close();
  expect(given?.aborted).toBe(true);
});

it("leaves reads alone that go past the cache", async () => {
  const { cache } = setUp(64 * KIB, { bytes: 16 * 512, readAhead: 8 * KIB });
  for (let at = 0; at < 16 * KIB; at += 2 * KIB) await readRange(cache, at, 2 * KIB);
  await settled();
  expect(cache.counters).toMatchObject({ directReads: 8, readAheads: 0 });
});
