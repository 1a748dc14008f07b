import { describe, expect, it } from "vitest";
import type { S3OpenOptions } from "../src/index.js";
import { openIn, pattern, readAt } from "./disks.js";
import { type Fault, hangUp, hangUpAfter, refuse } from "./faults.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const mebibyte = 2 ** 20;
const large = pattern(16 * mebibyte);
const small = pattern(300_000);
const account = { accessKeyId: "key", secretAccessKey: "hunter2" };

async function storeWith(contents: Uint8Array): Promise<SmallStore> {
  const store = await startSmallStore();
  store.account = account;
  store.put("bucket/disk", contents, { "content-type": "x/disk", "x-amz-meta-owner": "me" });
  return store;
}

const writing: Partial<S3OpenOptions> = { write: true, conditions: { put: "quoted", complete: true } };

function expectObject(store: SmallStore, expected: Uint8Array): void {
  const found = store.objects.get("bucket/disk")?.body ?? Buffer.alloc(0);
  expect(found.length).toBe(expected.length);
  expect(Buffer.compare(found, expected)).toBe(0);
}

/** A copy of `contents` with some changes. */
function changed(contents: Uint8Array, ...changes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const copy = contents.slice();
  for (const [offset, bytes] of changes) copy.set(bytes, offset);
  return copy;
}

const patch = pattern(1000, 99);

describe("sync", () => {
  it("sends what changed, and has the store copy the rest", async () => {
    const store = await storeWith(large);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 11 * mebibyte);
    store.log = [];
    await disk.sync();
    expectObject(store, changed(large, [11 * mebibyte, patch]));
    const parts = store.log.filter(({ url }) => url.includes("partNumber"));
    expect(parts.map(({ length }) => length).sort((a, b) => a - b)).toEqual([0, 0, 5 * mebibyte]);
    expect(store.log.length).toBe(parts.length + 4);
    expect(store.uploads.size).toBe(0);
  });

  it("has all parts of one size where the store wants that", async () => {
    const store = await storeWith(large);
    store.wantsEqualParts = true;
    const unequal = await openIn(store, "disk", writing);
    await unequal.write(patch, 7 * mebibyte);
    await expect(unequal.sync()).rejects.toMatchObject({ code: "ERR_IO" });
    await unequal.abandon();
    const disk = await openIn(store, "disk", { ...writing, equalParts: true });
    await disk.write(patch, 7 * mebibyte);
    await disk.sync();
    expectObject(store, changed(large, [7 * mebibyte, patch]));
  });

  it("puts an object under 5 MiB as a whole, by one request", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 1000);
    store.log = [];
    await disk.sync();
    expectObject(store, changed(small, [1000, patch]));
    expect(store.asked).toEqual(["HEAD /bucket/disk", "GET /bucket/disk", "PUT /bucket/disk"]);
  });

  it("hands on what the object says about itself", async () => {
    const store = await storeWith(small);
    for (const contents of [small, large]) {
      store.put("bucket/disk", contents, { "content-type": "x/disk", "x-amz-meta-owner": "me" });
      const disk = await openIn(store, "disk", writing);
      await disk.write(patch, 0);
      await disk.sync();
      expect(store.objects.get("bucket/disk")?.meta).toMatchObject({
        "content-type": "x/disk",
        "x-amz-meta-owner": "me",
      });
    }
  });

  it("asks for nothing when nothing has changed", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", writing);
    store.log = [];
    await disk.sync();
    await disk.write(patch, 0);
    await disk.sync();
    const before = store.log.length;
    await disk.sync();
    expect(store.log.length).toBe(before);
  });

  it("publishes a new size, be it larger or smaller, with zeroes between", async () => {
    const store = await storeWith(large);
    const disk = await openIn(store, "disk", writing);
    await disk.truncate(12 * mebibyte);
    await disk.truncate(30 * mebibyte);
    await disk.write(patch, 31 * mebibyte);
    await disk.sync();
    const expected = new Uint8Array(31 * mebibyte + 1000);
    expected.set(large.subarray(0, 12 * mebibyte));
    expected.set(patch, 31 * mebibyte);
    expectObject(store, expected);
    await disk.truncate(0);
    await disk.sync();
    expectObject(store, new Uint8Array(0));
  });

  it("leaves reads and writes that go on beside it alone", async () => {
    const store = await storeWith(large);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 0);
    const published = disk.sync();
    const reads: Promise<Uint8Array>[] = [];
    store.always = (request, _, serve) => {
      if (request.method !== "GET") reads.push(readAt(disk, 15 * mebibyte, 1000), readAt(disk, 0, 1000));
      if (request.method === "POST" && request.url?.includes("uploadId")) void disk.write(patch, 2000);
      serve();
    };
    await published;
    store.always = undefined;
    expectObject(store, changed(large, [0, patch]));
    expect(reads.length).toBeGreaterThan(6);
    for (const [index, bytes] of (await Promise.all(reads)).entries()) {
      expect(bytes).toEqual(index % 2 === 0 ? large.subarray(15 * mebibyte, 15 * mebibyte + 1000) : patch);
    }
    await disk.sync();
    expectObject(store, changed(large, [0, patch], [2000, patch]));
    expect(await readAt(disk, 15 * mebibyte, 10)).toEqual(large.subarray(15 * mebibyte, 15 * mebibyte + 10));
  });

  it("is called off by an abort for the one who waits alone", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 0);
    const reason = new Error("enough");
    const controller = new AbortController();
    store.always = (_request, _response, serve) => {
      controller.abort(reason);
      serve();
    };
    const other = disk.sync();
    await expect(disk.sync({ signal: controller.signal })).rejects.toBe(reason);
    await other;
    expectObject(store, changed(small, [0, patch]));
  });
});

/** Answers the n-th request that `matches` with a fault, and all others rightly. */
function nth(count: number, matches: (method: string, url: string) => boolean, fault: Fault): Fault {
  let seen = 0;
  return (request, response, serve) => {
    const meant = matches(request.method ?? "", request.url ?? "") && ++seen === count;
    if (meant) fault(request, response, serve);
    else serve();
  };
}

const isPut = (method: string): boolean => method === "PUT";
const isPart = (method: string, url: string): boolean => method === "PUT" && url.includes("partNumber");
const isComplete = (method: string, url: string): boolean => method === "POST" && url.includes("uploadId");
const okButError: Fault = (_, response) =>
  response.writeHead(200).end('<?xml version="1.0"?>\n<Error><Code>InternalError</Code></Error>');

describe("a publication survives", () => {
  it.each<[string, Uint8Array, Fault]>([
    ["a lost connection", small, nth(1, isPut, hangUp)],
    ["a lost answer", small, nth(1, isPut, hangUpAfter)],
    ["a storm", small, nth(1, isPut, refuse(503, "SlowDown"))],
    ["a lost part", large, nth(2, isPart, hangUp)],
    ["the lost answer to a part", large, nth(2, isPart, hangUpAfter)],
    ["a completion that got lost", large, nth(1, isComplete, hangUp)],
    ["the lost answer to a completion", large, nth(1, isComplete, hangUpAfter)],
    ["a completion that fails with a status of 200", large, nth(1, isComplete, okButError)],
    ["a completion that is answered with 500", large, nth(1, isComplete, refuse(500, "InternalError"))],
  ])("%s", async (_, contents, fault) => {
    const store = await storeWith(contents);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 1000);
    store.always = fault;
    await disk.sync();
    expectObject(store, changed(contents, [1000, patch]));
    expect(store.uploads.size).toBe(0);
    await disk.write(patch, 5000);
    await disk.sync();
    expectObject(store, changed(contents, [1000, patch], [5000, patch]));
  });
});

describe("a publication that fails keeps the changes, and the object as it was:", () => {
  it.each<[string, Uint8Array, Fault, string]>([
    [
      "no permission",
      small,
      (...all) => (isPut(all[0].method ?? "") ? refuse(403, "AccessDenied")(...all) : all[2]()),
      "ERR_PERMISSION",
    ],
    ["no space", large, nth(1, isPart, refuse(403, "QuotaExceeded")), "ERR_NO_SPACE"],
    ["an upload that was dropped", large, nth(1, isPart, refuse(404, "NoSuchUpload")), "ERR_IO"],
    ["a completion refused", large, nth(1, isComplete, refuse(400, "InvalidPart")), "ERR_IO"],
  ])("%s", async (_, contents, fault, code) => {
    const store = await storeWith(contents);
    const disk = await openIn(store, "disk", { ...writing, retries: 1 });
    await disk.write(patch, 1000);
    store.always = fault;
    await expect(disk.sync()).rejects.toMatchObject({ code });
    expectObject(store, contents);
    expect(store.uploads.size).toBe(0);
    store.always = undefined;
    expect(await readAt(disk, 1000, 1000)).toEqual(patch);
    await disk.sync();
    expectObject(store, changed(contents, [1000, patch]));
  });

  it("a version whose answer and all that followed got lost is found by the next sync, and by reads", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", { ...writing, retries: 0 });
    await disk.write(patch, 1000);
    let lost = false;
    store.always = (request, response, serve) => {
      if (lost) return hangUp(request, response, serve);
      lost = request.method === "PUT";
      return lost ? hangUpAfter(request, response, serve) : serve();
    };
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_IO", retryable: true });
    store.always = undefined;
    expectObject(store, changed(small, [1000, patch]));
    expect(await readAt(disk, 100_000, 10)).toEqual(small.subarray(100_000, 100_010));
    await disk.write(patch, 9000);
    await disk.sync();
    expectObject(store, changed(small, [1000, patch], [9000, patch]));
  });
});

describe("close", () => {
  it("publishes what is not, and can be called again where that fails", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", { ...writing, retries: 0 });
    await disk.write(patch, 0);
    store.always = nth(1, isPut, hangUp);
    await expect(disk.close()).rejects.toMatchObject({ code: "ERR_IO" });
    await disk.close();
    expectObject(store, changed(small, [0, patch]));
  });

  it("publishes nothing that was abandoned", async () => {
    const store = await storeWith(small);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 400_000);
    await disk.abandon();
    await disk.write(patch, 0);
    await disk.sync();
    await disk.close();
    expectObject(store, small);
  });
});
