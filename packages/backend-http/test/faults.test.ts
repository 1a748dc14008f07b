import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { fetchTransport } from "../src/engine/index.js";
import { nodeTransport } from "../src/node.js";
import { open, pattern, readAt } from "./bytes.js";
import {
  bodyBecomes,
  cutAfter,
  type Fault,
  reset,
  stallAfter,
  startServer,
  status,
  type TestServer,
} from "./server.js";

const contents = pattern(300_000);

/** A 206 with headers and body of its own. */
function partial(headers: Readonly<Record<string, string>>, body: Uint8Array | string = "x".repeat(1000)): Fault {
  return (_, response) => response.writeHead(206, { etag: '"one"', ...headers }).end(body);
}

const drops: Fault = (_, response, serve) => {
  bodyBecomes(response, (body) => {
    let at = 0;
    const timer = setInterval(() => response.write(body.subarray(at, ++at)), 5);
    response.on("close", () => clearInterval(timer));
  });
  serve();
};

const transports = [
  { by: "sockets", transport: nodeTransport() },
  { by: "fetch", transport: fetchTransport() },
];

describe.each(transports)("by $by survived:", ({ transport }) => {
  const faults: [string, Fault[]][] = [
    ["a connection reset", [reset]],
    ["a body cut short", [cutAfter(70_000)]],
    ["body after body cut short", [cutAfter(100_000), cutAfter(1), cutAfter(50_000), cutAfter(0)]],
    ["a stall before the answer", [() => undefined]],
    ["a stall in the body", [stallAfter(70_000)]],
    ["a server that sends by drops", [drops]],
    ["a storm of 500", Array.from({ length: 6 }, () => status(500))],
    ["a storm of 503 and 429", [status(503), status(429, { "retry-after": "0" }), status(503), status(429)]],
    ["502, 504 and 408", [status(502), status(504), status(408)]],
  ];

  it.each(faults)("%s", async (_, queue) => {
    const server = await startServer(contents);
    const backend = await open(server.url, { stallTimeout: 150, transport });
    server.faults.push(...queue);
    expect(await readAt(backend, 1000, 250_000)).toEqual(contents.subarray(1000, 251_000));
    expect(backend.counters.retries).toBe(queue.length);
  });

  it("a range answered with a shorter one", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { transport });
    server.faults.push(partial({ "content-range": "bytes 500-599/300000" }, contents.subarray(500, 600)));
    expect(await readAt(backend, 500, 1000)).toEqual(contents.subarray(500, 1500));
    expect(server.ranges).toEqual([
      [500, 1499],
      [600, 1499],
    ]);
  });

  it("a body cut short is resumed from where it stopped", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { transport });
    server.faults.push(cutAfter(100_000));
    await readAt(backend, 0, 300_000);
    const [, resumed] = server.ranges;
    expect(resumed?.[0]).toBeGreaterThan(0);
    expect(resumed?.[1]).toBe(299_999);
    expect(backend.counters.bytes).toBe(300_000);
  });
});

describe.each(transports)("by $by reported:", ({ transport }) => {
  const unsupported = "ERR_UNSUPPORTED";
  const faults: [string, Fault, string, string][] = [
    ["200 instead of 206", (_, response) => response.writeHead(200).write("x"), unsupported, "ignores Range"],
    ["206 without Content-Range", partial({}), "ERR_IO", "no Content-Range"],
    ["206 with nonsense", partial({ "content-range": "bytes 9-5/x" }), "ERR_IO", "makes no sense"],
    ["another range", partial({ "content-range": "bytes 0-999/300000" }), "ERR_IO", "with bytes 0-999"],
    ["a longer range", partial({ "content-range": "bytes 500-2000/300000" }), "ERR_IO", "with bytes 500-2000"],
    ["too long a body", partial({ "content-range": "bytes 500-509/300000" }), "ERR_IO", "sends more"],
    ["another size", partial({ "content-range": "bytes 500-1499/300001" }), "ERR_CHANGED", "its size"],
    ["416", status(416), "ERR_CHANGED", "shorter"],
    ["404", status(404), "ERR_NOT_FOUND", "404"],
    ["403", status(403), "ERR_PERMISSION", "403"],
    ["401", status(401), "ERR_PERMISSION", "401"],
    ["501", status(501), unsupported, "501"],
    [
      "an encoded body",
      partial({ "content-range": "bytes 500-1499/300000", "content-encoding": "gzip" }, gzipSync("x".repeat(1000))),
      unsupported,
      "gzip",
    ],
  ];

  it.each(faults)("%s", async (_, fault, code, text) => {
    const server = await startServer(contents);
    const backend = await open(server.url, { transport });
    server.faults.push(fault);
    const message = expect.stringContaining(text);
    await expect(readAt(backend, 500, 1000)).rejects.toMatchObject({ code, message, retryable: false });
    expect(server.ranges.length).toBe(1);
    await expect.poll(() => server.open).toBe(0);
    expect(await readAt(backend, 500, 1000)).toEqual(contents.subarray(500, 1500));
  });

  it("a storm without end", async () => {
    const server = await startServer(contents);
    const backend = await open(server.url, { retries: 3, transport });
    server.always = status(503);
    const message = expect.stringContaining("gave up after 4 attempts");
    await expect(readAt(backend, 0, 10)).rejects.toMatchObject({ code: "ERR_IO", retryable: true, message });
  });
});

it("64 readers get their bytes from a server that fails in all ways", async () => {
  const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 2 ** 31) * below);
  };
  const server: TestServer = await startServer(contents);
  const backend = await open(server.url, {
    splitSize: 20_000,
    joinGap: 100,
    retries: 50,
    stallTimeout: 200,
    hedge: {},
  });
  const faults = [reset, status(503), status(429), cutAfter(3000), cutAfter(0), stallAfter(100)];
  server.always = (request, response, serve) => {
    const fault = random(4) === 0 ? faults[random(faults.length)] : undefined;
    if (fault) fault(request, response, serve);
    else serve();
  };
  const reader = async (): Promise<void> => {
    for (let read = 0; read < 8; read++) {
      const offset = random(contents.length - 1);
      const length = 1 + random(Math.min(60_000, contents.length - offset));
      const abort = random(10) === 0 ? new AbortController() : undefined;
      const found = readAt(backend, offset, length, abort && { signal: abort.signal });
      if (abort) setImmediate(() => abort.abort());
      const bytes = await found.catch((error: unknown) => {
        if (abort?.signal.reason === error) return undefined;
        throw new Error(`with INSTAR_SEED=${seed}`, { cause: error });
      });
      if (bytes) expect(Buffer.compare(bytes, contents.subarray(offset, offset + length)), `seed ${seed}`).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: 64 }, reader));
});
