import { describe, expect, it } from "vitest";
import { openIn, pattern, readAt } from "./disks.js";
import { refuse } from "./faults.js";
import { startSmallStore } from "./small-store.js";

const contents = pattern(300_000);

describe("an error body", () => {
  it.each([
    [403, "AccessDenied", "ERR_PERMISSION", false],
    [403, "InvalidObjectState", "ERR_UNSUPPORTED", false],
    [404, "NoSuchBucket", "ERR_NOT_FOUND", false],
    [404, "NoSuchKey", "ERR_NOT_FOUND", false],
    [412, "PreconditionFailed", "ERR_CHANGED", false],
    [501, "NotImplemented", "ERR_UNSUPPORTED", false],
    [503, "SlowDown", "ERR_IO", true],
    [500, "InternalError", "ERR_IO", true],
    [400, "RequestTimeout", "ERR_IO", true],
    [403, "QuotaExceeded", "ERR_NO_SPACE", false],
    [418, "SomethingNew", "ERR_IO", false],
  ])("of %i %s is %s", async (code, name, expected, retryable) => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk", { retries: 1 });
    store.always = refuse(code, name);
    await expect(readAt(disk, 0, 10)).rejects.toMatchObject({ code: expected, retryable });
  });

  it("that is none leaves it to the status", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk");
    store.always = (_, response) => response.writeHead(403).end("<html><Code>no");
    await expect(readAt(disk, 0, 10)).rejects.toMatchObject({ code: "ERR_PERMISSION" });
  });
});

describe("an object", () => {
  it("that is missing is ERR_NOT_FOUND", async () => {
    const store = await startSmallStore();
    await expect(openIn(store, "disk")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  it("that is replaced while it is read is ERR_CHANGED", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk");
    store.put("bucket/disk", pattern(300_000, 1));
    await expect(readAt(disk, 0, 10)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });

  it("has its size from a ranged GET where HEAD is refused", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    store.always = (request, response, serve) =>
      request.method === "HEAD" ? refuse(403)(request, response, serve) : serve();
    expect((await openIn(store, "disk")).size).toBe(300_000);
  });
});
