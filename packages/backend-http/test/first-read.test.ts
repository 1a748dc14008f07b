import { describe, expect, it } from "vitest";
import { open, pattern, readAt } from "./bytes.js";
import { cutAfter, type Fault, stallAfter, startServer, status, type TestServer } from "./server.js";

const contents = pattern(5000);
const methods = (server: TestServer): string[] => server.log.map(({ method }) => method);

const noRanges: Fault = (request, response) => {
  response.writeHead(200, { "content-length": 5000 });
  response.end(request.method === "HEAD" ? undefined : contents);
};

describe("the first read", () => {
  it("comes with the request that opens the object", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { firstRead: 1000 });
    expect(backend.size).toBe(5000);
    expect(await readAt(backend, 0, 600)).toEqual(contents.subarray(0, 600));
    expect(await readAt(backend, 100, 900)).toEqual(contents.subarray(100, 1000));
    expect(server.ranges).toEqual([[0, 999]]);
    expect(methods(server)).toEqual(["GET"]);
    expect(backend.counters).toMatchObject({ requests: 1, bytes: 1000 });
  });

  it("is of 64 KiB", async () => {
    const server = await startServer(contents);
    await open(server.url, { firstRead: undefined });
    expect(server.ranges).toEqual([[0, 65_535]]);
  });

  it("gives what it has to a read that goes on behind it, which asks for the rest of the same version", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { firstRead: 1000 });
    expect(await readAt(backend, 900, 300)).toEqual(contents.subarray(900, 1200));
    expect(server.ranges).toEqual([
      [0, 999],
      [1000, 1199],
    ]);
    expect(server.log[1]?.headers["if-match"]).toBe('"one"');
  });

  it("is kept until it has been read to its end", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { firstRead: 1000 });
    await readAt(backend, 500, 500);
    await readAt(backend, 500, 500);
    expect(server.ranges).toEqual([
      [0, 999],
      [500, 999],
    ]);
  });

  it("may have all of the object, and more room than that", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { firstRead: 10_000 });
    expect(await readAt(backend, 0, 5000)).toEqual(contents);
    expect(server.log.length).toBe(1);
  });

  it.each([
    ["is cut short", cutAfter(300)],
    ["stalls", stallAfter(300)],
  ])("that %s gives what has come", async (_, fault) => {
    const server = await startServer(contents);
    server.faults.push(fault);
    const backend = await open(server.url, { firstRead: 1000, stallTimeout: 150 });
    expect(backend.size).toBe(5000);
    expect(await readAt(backend, 0, 1000)).toEqual(contents.subarray(0, 1000));
    expect(server.ranges).toEqual([
      [0, 999],
      [300, 999],
    ]);
  });

  it("is tried again where the server refuses for a moment", async () => {
    const server = await startServer(contents);
    server.faults.push(status(503), (request) => request.socket.destroy());
    const backend = await open(server.url, { firstRead: 1000 });
    expect(await readAt(backend, 0, 1000)).toEqual(contents.subarray(0, 1000));
    expect(server.log.length).toBe(3);
  });

  it("of nothing asks a HEAD for the version", async () => {
    const server = await startServer(new Uint8Array(0));
    server.etag = undefined;
    expect((await open(server.url, { firstRead: 1000 })).size).toBe(0);
    expect(methods(server)).toEqual(["GET", "HEAD"]);
    server.always = (request, response, serve) => (request.method === "HEAD" ? response.writeHead(403).end() : serve());
    expect((await open(server.url, { firstRead: 1000 })).size).toBe(0);
  });

  it("asks a HEAD for a size that the range does not tell", async () => {
    const server = await startServer(contents);
    server.faults.push((_, response) =>
      response.writeHead(206, { "content-range": "bytes 0-99/*" }).end(contents.subarray(0, 100)),
    );
    const backend = await open(server.url, { firstRead: 100 });
    expect(backend.size).toBe(5000);
    expect(await readAt(backend, 0, 200)).toEqual(contents.subarray(0, 200));
  });

  it.each<[string, Fault, string, string]>([
    ["ignores Range", noRanges, "ERR_UNSUPPORTED", "ignores Range"],
    ["refuses all ranges", refusesRanges, "ERR_UNSUPPORTED", "refuses ranges"],
    ["sends another range", partial("bytes 1-100/5000", 100), "ERR_IO", "was not asked for"],
    ["sends a longer range", partial("bytes 0-1000/5000", 1001), "ERR_IO", "was not asked for"],
    ["sends more than it says", partial("bytes 0-99/5000", 1001), "ERR_IO", "more than its Content-Range"],
  ])("of a server that %s is an error", async (_, fault, code, text) => {
    const server = await startServer(contents);
    server.always = fault;
    const opened = open(server.url, { firstRead: 1000 });
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringContaining(text), retryable: false });
    await expect.poll(() => server.open).toBe(0);
  });

  it("gives no byte to a read that was aborted", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { firstRead: 1000 });
    await expect(readAt(backend, 0, 10, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  });
});

function refusesRanges(...[request, response, serve]: Parameters<Fault>): void {
  if (request.method === "HEAD") serve();
  else response.writeHead(416).end();
}

/** A 206 that says of itself what it likes. */
function partial(range: string, length: number): Fault {
  return (request, response, serve) => {
    if (request.method === "HEAD") return serve();
    response.writeHead(206, { etag: '"one"', "content-range": range });
    response.write(contents.subarray(0, length), () => response.destroy());
  };
}
