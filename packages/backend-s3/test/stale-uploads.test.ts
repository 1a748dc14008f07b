import { describe, expect, it } from "vitest";
import { S3Store } from "../src/store.js";
import { MultipartUpload } from "../src/multipart-upload.js";
import { openIn, pattern } from "./disks.js";
import { refuse } from "./faults.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const hour = 3_600_000;

async function storeWithDisk(): Promise<SmallStore> {
  const store = await startSmallStore();
  store.put("bucket/disk", pattern(1000));
  return store;
}

/** Begins an upload as a writer of this package does, with so many parts, and leaves it. */
async function leaveUpload(store: SmallStore, key: string, parts: number): Promise<void> {
  const connection = new S3Store({ bucket: "bucket", key, endpoint: store.endpoint }, {});
  const upload = await MultipartUpload.begin(connection, {});
  for (let index = 0; index < parts; index++) await upload.put(index, pattern(10));
  await connection.close();
}

/** Begins an upload as others do, whose parts are numbered from 1. */
async function leaveForeignUpload(store: SmallStore): Promise<void> {
  const began = await fetch(`${store.endpoint}/bucket/disk?uploads=`, { method: "POST" });
  const id = /<UploadId>(.*)<\/UploadId>/.exec(await began.text())?.[1] ?? "";
  await fetch(`${store.endpoint}/bucket/disk?partNumber=1&uploadId=${id}`, { method: "PUT", body: "x" });
}

async function leftAfter(store: SmallStore, age: number): Promise<number> {
  store.skew += age;
  const conditions = { put: "quoted", complete: true } as const;
  await openIn(store, "disk", { write: true, conditions });
  return store.uploads.size;
}

describe("an open for writing", () => {
  it("ends an upload of ours whose writer has not been heard of for an hour", async () => {
    const store = await storeWithDisk();
    await leaveUpload(store, "disk", 2);
    expect(await leftAfter(store, hour - 60_000)).toBe(1);
    expect(await leftAfter(store, 120_000)).toBe(0);
  });

  it("lets one be whose last part is not that old, however old the first is", async () => {
    const store = await storeWithDisk();
    const connection = new S3Store({ bucket: "bucket", key: "disk", endpoint: store.endpoint }, {});
    const upload = await MultipartUpload.begin(connection, {});
    await upload.put(0, pattern(10));
    store.skew += 2 * hour;
    await upload.put(1, pattern(10));
    await connection.close();
    expect(await leftAfter(store, hour / 2)).toBe(1);
    // The last part may be told of by another answer than the first.
    store.partsPerPage = 1;
    expect(await leftAfter(store, hour / 4)).toBe(1);
    expect(await leftAfter(store, hour / 2)).toBe(0);
  });

  it("ends one without parts after a day", async () => {
    const store = await storeWithDisk();
    await leaveUpload(store, "disk", 0);
    expect(await leftAfter(store, 23 * hour)).toBe(1);
    expect(await leftAfter(store, 2 * hour)).toBe(0);
  });

  it("lets be what is not ours, or of another object", async () => {
    const store = await storeWithDisk();
    await leaveForeignUpload(store);
    await leaveUpload(store, "disk2", 1);
    await leaveUpload(store, "disk", 1);
    expect(await leftAfter(store, 48 * hour)).toBe(2);
  });

  it("ends one that was to find out what the store honours", async () => {
    const store = await storeWithDisk();
    await leaveUpload(store, "disk.instar-probe-1", 1);
    expect(await leftAfter(store, hour - 60_000)).toBe(1);
    expect(await leftAfter(store, 120_000)).toBe(0);
  });

  it("is ERR_NOT_FOUND where there is no such bucket, also of an object that is to be made", async () => {
    const store = await storeWithDisk();
    store.always = refuse(404, "NoSuchBucket");
    const conditions = { put: "quoted", complete: true } as const;
    for (const known of [conditions, undefined]) {
      const opened = openIn(store, "disk", { write: true, create: "replace", conditions: known });
      const message = expect.stringContaining("NoSuchBucket") as string;
      await expect(opened).rejects.toMatchObject({ code: "ERR_NOT_FOUND", message });
    }
  });

  it("succeeds where the uploads cannot be listed, and for reading does not ask", async () => {
    const store = await storeWithDisk();
    await leaveUpload(store, "disk", 1);
    store.log = [];
    await openIn(store, "disk");
    expect(store.asked).toEqual(["HEAD /bucket/disk"]);
    store.always = (request, response, serve) =>
      request.url?.includes("uploads") ? refuse(403, "AccessDenied")(request, response, serve) : serve();
    expect(await leftAfter(store, 48 * hour)).toBe(1);
  });
});
