import { describe, expect, it } from "vitest";
import { openIn, pattern } from "./disks.js";
import { realBucket } from "./real-store.js";
import { S3Backend, type S3OpenOptions } from "../src/index.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const mebibyte = 2 ** 20;
const bucket = realBucket();
const writing: Partial<S3OpenOptions> = { write: true, conditions: { put: "quoted", complete: true } };

async function storeWith(contents: Uint8Array): Promise<SmallStore> {
  const store = await startSmallStore();
  store.put("bucket/disk", contents);
  return store;
}

const sizes = [0, 5 * mebibyte - 1, 5 * mebibyte, 5 * mebibyte + 1, 10 * mebibyte + 1];

/** What is there after a version of `before` bytes was cut or made longer, and a byte was written at its end. */
function resized(before: number, after: number): Uint8Array {
  const expected = new Uint8Array(after);
  expected.set(pattern(Math.min(before, after)));
  if (after > 0) expected[after - 1] = 77;
  return expected;
}

async function resize(disk: S3Backend, after: number): Promise<void> {
  await disk.truncate(after);
  if (after > 0) await disk.write(Uint8Array.of(77), after - 1);
  await disk.sync();
}

describe.each(sizes)("an object of %i bytes", (before) => {
  it.each(sizes)("becomes one of %i", async (after) => {
    const store = await storeWith(pattern(before));
    const disk = await openIn(store, "disk", writing);
    await resize(disk, after);
    const found = store.objects.get("bucket/disk")?.body ?? Buffer.alloc(0);
    expect(found.equals(resized(before, after))).toBe(true);
    expect(store.uploads.size).toBe(0);
  });
});

it("on the store that the tests run against, an object of 5 MiB grows by one byte, and loses it again", async () => {
  const location = await bucket.put(pattern(5 * mebibyte));
  const disk = await S3Backend.open({ ...location, write: true, conditions: await bucket.conditions() });
  for (const after of [5 * mebibyte + 1, 5 * mebibyte]) {
    await disk.truncate(after);
    await disk.sync();
    const found = await S3Backend.open(location);
    const bytes = new Uint8Array(found.size);
    await found.read(bytes, 0);
    await found.close();
    const expected = new Uint8Array(after);
    expected.set(pattern(5 * mebibyte));
    expect(Buffer.compare(bytes, expected)).toBe(0);
  }
  await disk.close();
});

it("an object whose key has what must be encoded is copied from", async () => {
  const store = await startSmallStore();
  const key = "a/100% é+?#&.img";
  store.put(`bucket/${key}`, pattern(11 * mebibyte));
  const disk = await openIn(store, key, writing);
  await disk.write(Uint8Array.of(77), 0);
  await disk.sync();
  const expected = pattern(11 * mebibyte);
  expected[0] = 77;
  expect(store.objects.get(`bucket/${key}`)?.body.equals(expected)).toBe(true);
});

it("what is all new is put by one request up to 10 MiB, and beyond in parts of as much", async () => {
  const store = await storeWith(new Uint8Array(0));
  const disk = await openIn(store, "disk", writing);
  await disk.write(pattern(10 * mebibyte), 0);
  store.log = [];
  await disk.sync();
  expect(store.asked).toEqual(["HEAD /bucket/disk", "PUT /bucket/disk"]);
  await disk.write(pattern(10 * mebibyte + 1, 5), 0);
  store.log = [];
  await disk.sync();
  const sent = store.log.filter(({ method }) => method === "PUT").map(({ length }) => length);
  expect(sent.sort((a, b) => b - a)).toEqual([10 * mebibyte, 1]);
});
