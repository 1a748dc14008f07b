import { describe, expect, it } from "vitest";
import type { S3Conditions } from "../src/index.js";
import { openIn, pattern } from "./disks.js";
import type { Fault } from "./faults.js";
import { isComplete, isPart, isPut, mebibyte, type Step } from "./publishing.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

const name = "bucket/disk";
const others = pattern(1234, 9);
const conditional: S3Conditions = { put: "quoted", complete: true };
const unconditional: S3Conditions = { put: "none", complete: false };

async function storeOf(conditions: S3Conditions, size?: number): Promise<SmallStore> {
  const store = await startSmallStore();
  store.honours.put = conditions.put !== "none";
  store.honours.complete = conditions.complete;
  if (size !== undefined) store.put(name, pattern(size));
  return store;
}

const isBegin: Step = (method, url) => method === "POST" && url.endsWith("?uploads=");
const isLook: Step = (method) => method === "HEAD";

/** Has somebody else put a version just before the first request that `step` is about, or just after it. */
function overtake(store: SmallStore, step: Step, when: "before" | "after" = "before", size = 1234): void {
  let done = false;
  store.always = (request, _, serve) => {
    const now = !done && step(request.method ?? "", request.url ?? "");
    if (now) done = true;
    if (now && when === "before") store.put(name, pattern(size, 9));
    serve();
    if (now && when === "after") store.put(name, pattern(size, 9));
  };
}

/** Nothing of ours is left but the version of the other. */
function expectTheirs(store: SmallStore, expected: Uint8Array = others): void {
  expect(Buffer.compare(store.objects.get(name)?.body ?? Buffer.alloc(0), expected)).toBe(0);
  expect([...store.objects.keys()]).toEqual([name]);
  expect(store.uploads.size).toBe(0);
}

describe("somebody else's version", () => {
  it("that is there already is found before anything is sent", async () => {
    const store = await storeOf(conditional, 11 * mebibyte);
    const disk = await openIn(store, "disk", { write: true, conditions: conditional });
    await disk.write(pattern(100), 0);
    store.put(name, others);
    store.log = [];
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expect(store.asked).toEqual(["HEAD /bucket/disk"]);
    await disk.abandon();
  });

  it.each<[string, S3Conditions, number | undefined, Step]>([
    ["a put, where the store compares", conditional, 1000, isPut],
    ["a completion, where the store compares", conditional, 11 * mebibyte, isComplete],
    ["the first put of an object, where the store compares", conditional, undefined, isPut],
    ["an upload begins, where there is only a look", unconditional, 11 * mebibyte, isBegin],
    ["a part, where there is only a look", unconditional, 11 * mebibyte, isPart],
  ])("that comes just before %s, stays", async (_, conditions, size, step) => {
    const store = await storeOf(conditions, size);
    const create = size === undefined ? "replace" : "never";
    const disk = await openIn(store, "disk", { write: true, conditions, create });
    await disk.write(pattern(100), 0);
    // A condition of a copy would tell of it, too.
    store.honours.copy = conditions.complete;
    overtake(store, step, "before", size);
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expectTheirs(store, pattern(size ?? 1234, 9));
    await disk.abandon();
  });

  it("is not copied from, also where it is gone again before the last look", async () => {
    const store = await storeOf(unconditional, 11 * mebibyte);
    const disk = await openIn(store, "disk", { write: true, conditions: unconditional });
    await disk.write(pattern(100), 0);
    const isCopy: Step = (method, url) => isPart(method, url) && store.log.at(-1)?.length === 0;
    const whole = store.objects.get(name)?.body ?? Buffer.alloc(0);
    store.always = (request, _, serve) => {
      const copy = isCopy(request.method ?? "", request.url ?? "");
      if (copy) store.put(name, pattern(11 * mebibyte, 9));
      serve();
      if (copy) store.put(name, whole);
    };
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expectTheirs(store, whole);
    await disk.abandon();
  });

  it("that comes while a completion fails is not completed over by another try", async () => {
    const store = await storeOf(unconditional, 11 * mebibyte);
    const disk = await openIn(store, "disk", { write: true, conditions: unconditional });
    await disk.write(pattern(100), 0);
    const failsOnce: Fault = (request, response, serve) => {
      if (!isComplete(request.method ?? "", request.url ?? "") || store.objects.get(name)?.body.length === 1234)
        return serve();
      store.put(name, others);
      response.writeHead(200).end("<Error><Code>InternalError</Code></Error>");
    };
    store.always = failsOnce;
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expectTheirs(store);
    await disk.abandon();
  });

  it("that follows ours before the store has told its ETag is not taken for ours", async () => {
    const store = await storeOf({ put: "quoted", complete: false }, 11 * mebibyte);
    const conditions: S3Conditions = { put: "quoted", complete: false };
    const disk = await openIn(store, "disk", { write: true, conditions });
    await disk.write(pattern(100), 0);
    overtake(store, isComplete, "after", 11 * mebibyte);
    await disk.sync();
    await disk.write(pattern(100), 5000);
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED" });
    expectTheirs(store, pattern(11 * mebibyte, 9));
    await disk.abandon();
  });

  it("that removes the object is told of as such", async () => {
    const store = await storeOf(conditional, 1000);
    const disk = await openIn(store, "disk", { write: true, conditions: conditional });
    await disk.write(pattern(100), 0);
    store.objects.delete(name);
    const message = expect.stringContaining("somebody has removed it") as string;
    await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_CHANGED", message });
    expect(store.objects.size).toBe(0);
    await disk.abandon();
  });
});

it("an object that another has just made is not replaced by create: new", async () => {
  for (const conditions of [conditional, unconditional]) {
    const store = await storeOf(conditions);
    overtake(store, conditions.complete ? isPut : isLook);
    await expect(openIn(store, "disk", { write: true, create: "new", conditions })).rejects.toMatchObject({
      code: "ERR_EXISTS",
    });
    expectTheirs(store);
  }
});
