import { describe, expect, it } from "vitest";
import { systemClock } from "@instar/backend-http/engine";
import type { S3Backend } from "../src/index.js";
import { openIn, pattern } from "./disks.js";
import { type Fault, hangUpAfter } from "./faults.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const lock = "bucket/disk.instar-lock";
const minutes = 60_000;

/** A store with an object and a writer that has changed it. It neither pauses nor waits to renew; its clock is `ahead`. */
async function writerIn(ahead: () => number = () => 0): Promise<[SmallStore, S3Backend]> {
  const store = await startSmallStore();
  store.honours.complete = false;
  store.put("bucket/disk", pattern(1000));
  const conditions = { put: "quoted", complete: false } as const;
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + ahead(),
    after: (time: number, run: () => void) => systemClock.after(time === 500 || time === 30_000 ? 0 : time, run),
  };
  const disk = await openIn(store, "disk", { write: true, conditions, clock, stallTimeout: 29_000 });
  await disk.write(pattern(10, 5), 0);
  return [store, disk];
}

describe("the lock of a publication", () => {
  it("that another holds is waited for, and ERR_LOCKED in the end; the changes stay", async () => {
    const [store, disk] = await writerIn();
    store.put(lock, pattern(36));
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_LOCKED", retryable: true });
    expect(store.objects.has(lock)).toBe(true);
    store.objects.delete(lock);
    await disk.sync();
    expect(store.objects.get("bucket/disk")?.body.subarray(0, 10).equals(pattern(10, 5))).toBe(true);
  });

  it("that another gives back is taken", async () => {
    const [store, disk] = await writerIn();
    store.put(lock, pattern(36));
    let looks = 0;
    store.always = (request, _, serve) => {
      if (request.method === "HEAD" && request.url?.endsWith("lock") && ++looks === 5) store.objects.delete(lock);
      serve();
    };
    await disk.sync();
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
  });

  it("of a writer that died is taken over after two minutes, and not before", async () => {
    const [store, disk] = await writerIn();
    store.put(lock, pattern(36), {}, Date.now() - minutes);
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_LOCKED" });
    store.skew = 1.1 * minutes;
    await disk.sync();
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
  });

  it("is renewed as long as its owner is at work, so that it does not grow old", async () => {
    const [store, disk] = await writerIn();
    const etags = new Set<string | undefined>();
    let finish = (): void => undefined;
    store.always = (request, _, serve) => {
      const { method, url = "" } = request;
      if (method === "PUT" && url.endsWith("/disk")) return void (finish = serve);
      serve();
      if (method !== "PUT" || !url.endsWith("lock")) return;
      etags.add(store.objects.get(lock)?.etag);
      if (etags.size === 4) finish();
    };
    await disk.sync();
    // Whoever has found an old one does not take it by its ETag any more.
    expect(etags.size).toBeGreaterThanOrEqual(4);
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
    const after = store.log.length;
    await disk.close();
    expect(store.log.length).toBe(after);
  });

  it("is not relied on by a writer that was suspended: nothing is published, until it is tried again", async () => {
    let suspended = 0;
    const [store, disk] = await writerIn(() => suspended);
    store.always = (request, _, serve) => {
      // It cannot be renewed meanwhile.
      if (suspended > 0 && request.url?.endsWith("lock") && request.method !== "DELETE")
        return void request.socket.destroy();
      if (request.method === "PUT" && request.url?.endsWith("lock")) suspended = 1.1 * minutes;
      serve();
    };
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_LOCKED", retryable: true });
    expect(store.objects.get("bucket/disk")?.body.equals(pattern(1000))).toBe(true);
    store.always = undefined;
    store.objects.delete(lock);
    await disk.sync();
    expect(store.objects.get("bucket/disk")?.body.subarray(0, 10).equals(pattern(10, 5))).toBe(true);
  });

  it("is known again where the answer that gave it was lost", async () => {
    const [store, disk] = await writerIn();
    let lost = false;
    const losing: Fault = (request, response, serve) => {
      const meant = !lost && request.method === "PUT" && request.url?.endsWith("lock") === true;
      lost ||= meant;
      if (meant) hangUpAfter(request, response, serve);
      else serve();
    };
    store.always = losing;
    await disk.sync();
    expect(lost).toBe(true);
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
  });

  it("that was lost to another is not taken from that", async () => {
    const [store, disk] = await writerIn();
    store.always = (request, _, serve) => {
      serve();
      if (request.method === "PUT" && request.url?.endsWith("/disk")) store.put(lock, pattern(36));
    };
    await disk.sync();
    expect(store.objects.has(lock)).toBe(true);
  });
});
