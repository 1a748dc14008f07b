import { BackendRegistry } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { HttpBackend, httpPlugin } from "../src/index.js";
import { open, pattern, readAt } from "./bytes.js";
import { type Fault, startServer, status } from "./server.js";

const contents = pattern(5000);

/** Refuses HEAD, and serves the rest. */
function noHead(code: number): Fault {
  return (request, response, serve) => (request.method === "HEAD" ? response.writeHead(code).end() : serve());
}

/** Serves the whole object, whatever range is asked for, by small parts without end. */
const wholeObject: Fault = (request, response) => {
  response.writeHead(200, { "accept-ranges": "none", "content-length": 2 ** 40 });
  if (request.method === "HEAD") response.end();
  else response.write(pattern(1000));
};

describe("the size", () => {
  it("comes from one HEAD where the server says that it serves ranges", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url);
    expect(backend.size).toBe(5000);
    expect(server.log.map(({ method }) => method)).toEqual(["HEAD"]);
  });

  it.each([400, 401, 403, 405, 501])("comes from a GET of one byte where HEAD is refused with %i", async (code) => {
    const server = await startServer(contents);
    server.always = noHead(code);
    const backend = await open(`${server.url}?signature=x`);
    expect(backend.size).toBe(5000);
    expect(server.ranges).toEqual([[0, 0]]);
    expect(await readAt(backend, 4000, 1000)).toEqual(contents.subarray(4000));
  });

  it("comes from a GET of one byte where HEAD does not tell", async () => {
    const server = await startServer(contents);
    server.faults.push((_, response) => response.writeHead(200, { "accept-ranges": "bytes" }).end());
    expect((await open(server.url)).size).toBe(5000);
  });

  it("may be 0, by HEAD and by GET", async () => {
    const server = await startServer(new Uint8Array(0));
    expect((await open(server.url)).size).toBe(0);
    server.always = noHead(403);
    expect((await open(server.url)).size).toBe(0);
  });

  it("is ERR_UNSUPPORTED where nobody tells it", async () => {
    const server = await startServer(contents);
    server.always = (request, response) => {
      if (request.method === "HEAD") response.writeHead(405).end();
      else response.writeHead(206, { "content-range": "bytes 0-0/*" }).end("x");
    };
    await expect(open(server.url)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });
});

describe("opening", () => {
  it("reports a server that ignores Range, and ends its body at once", async () => {
    const server = await startServer(contents);
    server.always = wholeObject;
    const message = expect.stringContaining("ignores Range");
    await expect(open(server.url)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED", message });
    await expect.poll(() => server.open).toBe(0);
  });

  it.each([
    [401, "ERR_PERMISSION"],
    [403, "ERR_PERMISSION"],
    [404, "ERR_NOT_FOUND"],
    [410, "ERR_NOT_FOUND"],
    [451, "ERR_PERMISSION"],
    [418, "ERR_IO"],
    [503, "ERR_IO"],
  ])("a status of %i is %s", async (code, expected) => {
    const server = await startServer(contents);
    server.always = status(code);
    await expect(open(server.url, { retries: 1 })).rejects.toMatchObject({ code: expected, retryable: code >= 500 });
  });

  it("is tried again as reads are", async () => {
    const server = await startServer(contents);
    server.faults.push(status(503), status(429, { "retry-after": "0" }), (request) => request.socket.destroy());
    expect((await open(server.url)).size).toBe(5000);
    expect(server.log.length).toBe(4);
  });

  it("says at once that nobody listens", async () => {
    // The port of a server that has just been closed.
    const { createServer } = await import("node:net");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const failed = open(`http://127.0.0.1:${port}/x`, { backoff: 100_000, maxBackoff: 100_000 });
    await expect(failed).rejects.toMatchObject({ code: "ERR_IO" });
  });

  it("for writing is ERR_READ_ONLY, and asks the server nothing", async () => {
    const server = await startServer(contents);
    await expect(open(server.url, { write: true })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await expect(open(server.url, { create: "new" })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    expect(server.log).toEqual([]);
  });

  it("can be aborted while the server is silent", async () => {
    const server = await startServer(contents);
    const controller = new AbortController();
    const reason = new Error("enough");
    server.always = () => controller.abort(reason);
    await expect(open(server.url, { signal: controller.signal })).rejects.toBe(reason);
    await expect.poll(() => server.open).toBe(0);
  });

  it.each(["ftp://host/x", "http://", "disk.img", "http://[::1/x"])("of %s is ERR_UNSUPPORTED", async (location) => {
    await expect(HttpBackend.open(location)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });

  it.each([{ concurrency: 0 }, { splitSize: 0.5 }, { retries: -1 }, { stallTimeout: Number.NaN }, { redirects: -1 }])(
    "with %o is ERR_RANGE",
    async (options) => {
      await expect(HttpBackend.open("http://127.0.0.1:1/x", options)).rejects.toMatchObject({ code: "ERR_RANGE" });
    },
  );

  it("by a registry finds the plugin for http and https", async () => {
    const server = await startServer(contents);
    const registry = new BackendRegistry([httpPlugin()]);
    expect(registry.schemes).toEqual(["http", "https"]);
    const backend = await registry.open(server.url);
    expect(backend.size).toBe(5000);
    await backend.close();
  });
});
