import { describe, expect, it } from "vitest";
import type { S3Conditions } from "../src/index.js";
import { openIn, pattern } from "./disks.js";
import { type SmallStore, startSmallStore } from "./small-store.js";
import { WriterProcess } from "./writer-process.js";

const mebibyte = 1_000_000;
const contents = pattern(5.5 * mebibyte);
const offset = 5.2 * mebibyte;
const value = (contents[offset] ?? 0) ^ 0xff;
const account = { accessKeyId: "key", secretAccessKey: "hunter2" };

/** Kills a writer when its n-th request of a publication has been served. `undefined` when it has fewer. */
async function killedAt(conditions: S3Conditions, count: number): Promise<SmallStore | undefined> {
  const store = await startSmallStore();
  store.account = account;
  store.honours.complete = conditions.complete;
  store.put("bucket/disk", contents);
  const where = { bucket: "bucket", key: "disk", endpoint: store.endpoint, credentials: account };
  const writer = await WriterProcess.start({ ...where, conditions, parallelParts: 1, offset, value });
  let seen = 0;
  store.always = (_request, response, serve) => {
    if (++seen !== count) return serve();
    // Nobody hears of it.
    response.end = () => response;
    serve();
    void writer.kill();
  };
  const outcome = await writer.publish();
  await writer.kill();
  store.always = undefined;
  return outcome === undefined ? store : undefined;
}

/** What of the object is there: the old version or the new one. */
function versionIn(store: SmallStore): "old" | "new" | "neither" {
  const found = store.objects.get("bucket/disk")?.body ?? Buffer.alloc(0);
  const same = found.length === contents.length && found[offset] !== undefined;
  if (!same || !found.subarray(0, offset).equals(contents.subarray(0, offset))) return "neither";
  if (!found.subarray(offset + 1).equals(contents.subarray(offset + 1))) return "neither";
  if (found[offset] === contents[offset]) return "old";
  return found[offset] === value ? "new" : "neither";
}

/** Kills writers one request later each time, until one gets through; what each left behind. */
async function versionsLeft(conditions: S3Conditions, first = 1): Promise<string[]> {
  const versions: string[] = [];
  for (let count = first; ; count++) {
    const store = await killedAt(conditions, count);
    if (!store) return versions;
    versions.push(versionIn(store));
    // Long enough for a lock to be that of a dead writer.
    store.skew = 1_200_000;
    const later = await openIn(store, "disk", { write: true, conditions, staleUploads: 0 });
    expect([count, store.uploads.size]).toEqual([count, 0]);
    await later.write(pattern(10, 5), 0);
    await later.sync();
    expect([...store.objects.keys()]).toEqual(["bucket/disk"]);
    expect(store.objects.get("bucket/disk")?.body.subarray(0, 10).equals(pattern(10, 5))).toBe(true);
  }
}

describe("a writer killed while it publishes leaves the old version or the new one, and nothing that stays,", () => {
  const locked: S3Conditions = { put: "quoted", complete: false };
  const conditional: S3Conditions = { put: "quoted", complete: true };

  it("whichever of its requests is the last one", async () => {
    const versions = await versionsLeft(locked);
    // Look, read, begin, copy, send, lock, look; put together; look, look, give the lock back.
    expect(versions).toEqual(["old", "old", "old", "old", "old", "old", "old", "new", "new", "new", "new"]);
  });

  it("where the store compares and replaces in one step", async () => {
    expect(await versionsLeft(conditional, 5)).toEqual(["old", "new"]);
  });
});
