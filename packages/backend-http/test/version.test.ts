import { describe, expect, it } from "vitest";
import { open, pattern, readAt } from "./bytes.js";
import { cutAfter, startServer, type TestServer } from "./server.js";

const old = pattern(50_000);
const fresh = pattern(50_000, 12_345);

/** Puts another object into the place of the one that was opened. */
function replace(server: TestServer): void {
  server.contents = fresh;
  if (server.etag !== undefined) server.etag = server.etag.replace("one", "two");
  if (server.lastModified !== undefined) server.lastModified = "Tue, 02 Jan 2024 00:00:00 GMT";
}

const kinds = [
  { name: "a strong ETag", etag: '"one"', lastModified: "Mon, 01 Jan 2024 00:00:00 GMT" },
  { name: "a strong ETag alone", etag: '"one"', lastModified: undefined },
  { name: "a weak ETag and a date", etag: 'W/"one"', lastModified: "Mon, 01 Jan 2024 00:00:00 GMT" },
  { name: "a weak ETag alone", etag: 'W/"one"', lastModified: undefined },
  { name: "a date alone", etag: undefined, lastModified: "Mon, 01 Jan 2024 00:00:00 GMT" },
];

describe.each(kinds)("with $name", ({ etag, lastModified }) => {
  async function start(): Promise<TestServer> {
    const server = await startServer(old);
    Object.assign(server, { etag, lastModified });
    return server;
  }

  it("an object that stays is read", async () => {
    const server = await start();
    const backend = await open(server.url);
    expect(await readAt(backend, 100, 1000)).toEqual(old.subarray(100, 1100));
  });

  it("an object that was replaced is ERR_CHANGED, and gives no byte", async () => {
    const server = await start();
    const backend = await open(server.url);
    replace(server);
    const target = new Uint8Array(1000);
    await expect(backend.read(target, 100)).rejects.toMatchObject({ code: "ERR_CHANGED", retryable: false });
    expect(target.every((byte) => byte === 0)).toBe(true);
  });

  it("one that is replaced while a cut body is resumed is ERR_CHANGED", async () => {
    const server = await start();
    const backend = await open(server.url);
    server.faults.push((request, response, serve) => {
      cutAfter(20_000)(request, response, serve);
      replace(server);
    });
    await expect(readAt(backend, 0, 50_000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });

  it("one that is replaced between the pieces of a read is ERR_CHANGED", async () => {
    const server = await start();
    const backend = await open(server.url, { splitSize: 10_000, concurrency: 1 });
    server.faults.push((_, __, serve) => {
      serve();
      replace(server);
    });
    await expect(readAt(backend, 0, 50_000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });

  it("a server that ignores the condition is found out all the same", async () => {
    const server = await start();
    const backend = await open(server.url);
    replace(server);
    server.always = (request, _, serve) => {
      delete request.headers["if-match"];
      delete request.headers["if-unmodified-since"];
      serve();
    };
    await expect(readAt(backend, 0, 1000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });
});

it("If-Match goes with every request, and never with a weak ETag", async () => {
  const server = await startServer(old);
  const backend = await open(server.url, { splitSize: 10_000 });
  await readAt(backend, 0, 50_000);
  const gets = server.log.filter(({ method }) => method === "GET");
  expect(gets.length).toBe(5);
  expect(gets.every(({ headers }) => headers["if-match"] === '"one"')).toBe(true);
});

it("without ETag and date another size is ERR_CHANGED, and so is an object that has become too short", async () => {
  const server = await startServer(old);
  Object.assign(server, { etag: undefined, lastModified: undefined });
  const backend = await open(server.url);
  server.contents = old.subarray(0, 40_000);
  await expect(readAt(backend, 0, 1000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  await expect(readAt(backend, 45_000, 1000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
});
