import { describe, expect, it } from "vitest";
import { openIn, pattern, readAt } from "./disks.js";
import { drops, type Fault, frozen, hangUp, refuse, silence, truncated } from "./faults.js";
import { startSmallStore } from "./small-store.js";

const contents = pattern(300_000);
const slowDown = refuse(503, "SlowDown");

describe("survived:", () => {
  it.each<[string, Fault[]]>([
    ["connections reset", [hangUp, hangUp]],
    ["body after body cut short", [truncated(100_000), truncated(1), truncated(0)]],
    ["a stall before the answer", [silence]],
    ["a stall in the body", [frozen(70_000)]],
    ["a server that sends by drops", [drops]],
    [
      "a storm of SlowDown, 500 and 429",
      [slowDown, refuse(500), refuse(429, undefined, { "retry-after": "0" }), slowDown],
    ],
  ])("%s", async (_, queue) => {
    const store = await startSmallStore();
    store.account = { accessKeyId: "key", secretAccessKey: "hunter2" };
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk", { stallTimeout: 150 });
    store.faults.push(...queue);
    expect(await readAt(disk, 1000, 250_000)).toEqual(contents.subarray(1000, 251_000));
    expect(disk.counters.retries).toBeGreaterThanOrEqual(queue.length);
  });
});

describe("reported:", () => {
  it.each<[string, Fault, string]>([
    ["200 instead of 206", (_, response) => response.writeHead(200).write("x"), "ERR_UNSUPPORTED"],
    [
      "a wrong range",
      (_, response) => response.writeHead(206, { "content-range": "bytes 0-9/300000" }).end("x".repeat(10)),
      "ERR_IO",
    ],
    [
      "another ETag",
      (_, response) => response.writeHead(206, { etag: '"2"', "content-range": "bytes 500-509/300000" }).end(),
      "ERR_CHANGED",
    ],
    ["412", refuse(412), "ERR_CHANGED"],
    ["416", refuse(416), "ERR_CHANGED"],
  ])("%s", async (_, fault, code) => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk");
    store.faults.push(fault);
    await expect(readAt(disk, 500, 10)).rejects.toMatchObject({ code });
    expect(await readAt(disk, 500, 10)).toEqual(contents.subarray(500, 510));
  });

  it("an ETag that changes between the parts of one read", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk", { splitSize: 10_000, concurrency: 2 });
    let requests = 0;
    store.always = (_request, _response, serve) => {
      if (++requests === 5) store.put("bucket/disk", pattern(300_000, 7));
      serve();
    };
    await expect(readAt(disk, 0, 300_000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });

  it("a storm without end", async () => {
    const store = await startSmallStore();
    store.put("bucket/disk", contents);
    const disk = await openIn(store, "disk", { retries: 3 });
    store.always = slowDown;
    await expect(readAt(disk, 0, 10)).rejects.toMatchObject({ code: "ERR_IO", retryable: true });
  });
});
