import { MemoryBackend } from "@instar/backend";
import { nodeTransport } from "@instar/backend-http/node";
import { describe, expect, it } from "vitest";
import { openIn, readAt } from "./disks.js";
import { type Fault, hangUp, hangUpAfter, refuse } from "./faults.js";
import {
  changed,
  expectObject,
  isComplete,
  isPart,
  isPut,
  large,
  mebibyte,
  nth,
  patch,
  small,
  storeWith,
  writing,
} from "./publishing.js";

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
      (...all) => (isPut(all[0].method ?? "", "") ? refuse(403, "AccessDenied")(...all) : all[2]()),
      "ERR_PERMISSION",
    ],
    ["no space", large, nth(1, isPart, refuse(403, "QuotaExceeded")), "ERR_NO_SPACE"],
    ["an upload that was dropped", large, nth(1, isPart, refuse(404, "NoSuchUpload")), "ERR_IO"],
    ["a copy refused", large, nth(2, isPart, refuse(403, "AccessDenied")), "ERR_PERMISSION"],
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

  it.each(["a read", "a sync"])(
    "a version whose answer and all that followed got lost is found by %s",
    async (first) => {
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
      if (first === "a read") expect(await readAt(disk, 100_000, 10)).toEqual(small.subarray(100_000, 100_010));
      await disk.write(patch, 9000);
      await disk.sync();
      expectObject(store, changed(small, [1000, patch], [9000, patch]));
    },
  );
});

it("a publication begins no further part when one has failed", async () => {
  const store = await storeWith(large);
  const disk = await openIn(store, "disk", { ...writing, parallelParts: 2 });
  for (let at = 0; at < 60; at += 10) await disk.write(patch, at * mebibyte);
  store.log = [];
  store.always = (request, response, serve) =>
    isPart(request.method ?? "", request.url ?? "") ? refuse(403, "AccessDenied")(request, response, serve) : serve();
  await expect(disk.sync()).rejects.toMatchObject({ code: "ERR_PERMISSION" });
  expect(store.log.filter(({ method, url }) => isPart(method, url)).length).toBe(2);
  await disk.abandon();
});

it("a store is given time for large bodies, and to put parts together", async () => {
  const store = await storeWith(large);
  const disk = await openIn(store, "disk", { ...writing, stallTimeout: 100, retries: 0 });
  await disk.write(patch, 0);
  store.always = (request, response, serve) => {
    const slow = request.method === "PUT" || isComplete(request.method ?? "", request.url ?? "");
    setTimeout(serve, slow ? 300 : 0);
    void response;
  };
  await disk.sync();
  expectObject(store, changed(large, [0, patch]));
});

describe("close", () => {
  it("closes the spill, and the connections unless their transport was handed in", async () => {
    const store = await storeWith(small);
    const sockets = new Set<{ readonly destroyed: boolean }>();
    store.always = (request, _, serve) => {
      sockets.add(request.socket);
      serve();
    };
    const spill = new MemoryBackend();
    const disk = await openIn(store, "disk", { ...writing, memory: 0, spill: async () => spill });
    await disk.write(patch, 0);
    await disk.close();
    await expect(spill.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect.poll(() => Array.from(sockets).every(({ destroyed }) => destroyed)).toBe(true);
    const transport = nodeTransport();
    await (await openIn(store, "disk", { transport })).close();
    await expect(openIn(store, "missing", { transport })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    expect((await openIn(store, "disk", { transport })).size).toBe(small.length);
    await transport.close();
  });

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
