import { expect, it } from "vitest";
import { openIn, pattern } from "./disks.js";
import { hangUp } from "./faults.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

async function storeWithDisk(): Promise<SmallStore> {
  const store = await startSmallStore();
  store.put("bucket/disk", pattern(1000));
  return store;
}

it("finding out what a store honours leaves nothing, wherever it is interrupted", async () => {
  for (let count = 1; ; count++) {
    const store = await storeWithDisk();
    const controller = new AbortController();
    let probes = 0;
    store.always = (request, _, serve) => {
      if (request.url?.includes("instar-probe") && ++probes === count) controller.abort(new Error("enough"));
      serve();
    };
    const opened = openIn(store, "disk", { write: true, signal: controller.signal });
    const outcome = await opened.then(
      () => "open",
      (error: unknown) => error,
    );
    const waiting = (): boolean => store.uploads.size > 0 || store.objects.size > 1;
    // An upload whose beginning was called off is nobody's: that is one of a writer that died.
    const begins = store.asked.at(-2)?.includes("uploads=") === true;
    if (!begins) expect([count, waiting()]).toEqual([count, false]);
    if (outcome === "open") break;
  }
});

it("what a writer left that died meanwhile is removed by a later one, after an hour", async () => {
  const store = await storeWithDisk();
  const hour = 3_600_000;
  const left = "bucket/disk.instar-probe-1";
  store.put(left, pattern(6));
  store.put("bucket/disk.instar-probes", pattern(6), {}, 0);
  store.skew = hour - 60_000;
  await openIn(store, "disk", { write: true });
  expect(store.objects.has(left)).toBe(true);
  store.skew = hour + 60_000;
  await openIn(store, "disk", { write: true });
  expect([...store.objects.keys()]).toEqual(["bucket/disk", "bucket/disk.instar-probes"]);
});

it("nothing else is removed, though a store lists more than it was asked for", async () => {
  const store = await storeWithDisk();
  store.put("bucket/other", pattern(6), {}, 0);
  store.always = (request, _, serve) => {
    request.url = request.url?.replace(/prefix=[^&]*/, "prefix=") ?? "";
    serve();
  };
  await openIn(store, "disk", { write: true });
  expect(store.asked.some((asked) => asked.includes("list-type"))).toBe(true);
  expect([...store.objects.keys()]).toEqual(["bucket/disk", "bucket/other"]);
});

it("a store that does not let them be listed is written to all the same", async () => {
  const store = await storeWithDisk();
  store.always = (request, response, serve) =>
    request.url?.includes("list-type") ? hangUp(request, response, serve) : serve();
  const disk = await openIn(store, "disk", { write: true, retries: 0 });
  expect(disk.guarantee).toBe("conditional");
});
