import { describe, expect, it } from "vitest";
import { openIn, readAt } from "./disks.js";
import { changed, expectObject, large, mebibyte, patch, small, storeWith, writing } from "./publishing.js";

describe("sync", () => {
  it("sends what changed, and has the store copy the rest", async () => {
    const store = await storeWith(large);
    const disk = await openIn(store, "disk", writing);
    await disk.write(patch, 11 * mebibyte);
    store.log = [];
    await disk.sync();
    expectObject(store, changed(large, [11 * mebibyte, patch]));
    const parts = store.log.filter(({ url }) => url.includes("partNumber"));
    expect(disk.counters.sent).toBe(store.log.reduce((sum, { length }) => sum + length, 0));
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
