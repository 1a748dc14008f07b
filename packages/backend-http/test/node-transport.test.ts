import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { wireOpener } from "#open-wire";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeTransport } from "../src/node.js";
import { open, pattern, readAt } from "./bytes.js";
import { cert, key } from "./certificate.js";
import { startServer } from "./server.js";

const contents = pattern(5000);

describe.each([false, true])("the transport of Node, with TLS: %s", (tls) => {
  it("leaves no connection behind when it is closed", async () => {
    const server = await startServer(contents, tls ? { cert, key } : undefined);
    const sockets = new Set<{ readonly destroyed: boolean }>();
    server.always = (request, _, serve) => {
      sockets.add(request.socket);
      serve();
    };
    const transport = nodeTransport({ ca: cert });
    const backend = await open(server.url, { transport });
    await Promise.all(Array.from({ length: 20 }, (_, read) => readAt(backend, read * 200, 100)));
    await transport.close();
    await expect.poll(() => [...sockets].every(({ destroyed }) => destroyed)).toBe(true);
  });

  it("reads more than a buffer holds", async () => {
    const large = pattern(5_000_000);
    const server = await startServer(large, tls ? { cert, key } : undefined);
    const backend = await open(server.url, { ca: cert });
    expect(Buffer.compare(await readAt(backend, 1, 4_999_998), large.subarray(1, 4_999_999))).toBe(0);
  });
});

it("an answer to a HEAD stands, whatever the server has follow it", async () => {
  const server = await startServer(contents);
  server.faults.push(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\naccept-ranges: bytes\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  const backend = await open(server.url, { retries: 0 });
  expect(backend.size).toBe(5000);
  expect(await readAt(backend, 100, 100)).toEqual(contents.subarray(100, 200));
});

it("connections that rest keep no program from ending", () => {
  const script = `
    import { createServer } from "node:http";
    import { nodeTransport } from "@instar/backend-http/node";
    const server = createServer((request, response) => response.end("x")).listen(0, "127.0.0.1", () => {
      const url = "http://127.0.0.1:" + server.address().port;
      const end = () => server.unref();
      // For a minute nothing else ends them.
      server.keepAliveTimeout = 600_000;
      server.on("connection", (socket) => socket.unref());
      nodeTransport().send({ method: "GET", url, headers: {} }, { head() {}, data() {}, end, fail: console.log });
    });`;
  const options = { cwd: import.meta.dirname, timeout: 20_000 };
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], options).toString()).toBe("");
});

it("a connection that rests for too long is told to be over", async () => {
  // It never ends a connection itself.
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const connected = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const events = { connected: connected.resolve, ended: ended.resolve, closed: () => closed.resolve() };
  const wire = wireOpener({})(url, { ...events, room: () => undefined, received: () => {} });
  await connected.promise;
  wire.rest(1);
  await ended.promise;
  wire.destroy();
  await closed.promise;
});

it.each([0, 1.5, NaN])("%d connections are refused", async (connections) => {
  const server = await startServer(contents);
  await expect(open(server.url, { connections })).rejects.toMatchObject({
    code: "ERR_RANGE",
    message: `option connections is ${connections}: it must be an integer from 1`,
  });
});

it("what comes goes into the memory that there is for it, if that is worth a read of its own", async () => {
  const server = await startServer(pattern(2 ** 21));
  const memory = new Uint8Array(2 ** 21);
  const asked = [memory, new Uint8Array(1000)];
  const into = new Set<ArrayBufferLike>();
  const { promise: closed, resolve: end } = Promise.withResolvers<Error | undefined>();
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>();
  const wire = wireOpener({})(new URL(server.url), {
    connected: connect,
    room: () => asked[into.size % 2],
    received: (bytes) => into.add(bytes.buffer),
    ended: () => wire.destroy(),
    closed: end,
  });
  await connected;
  wire.send(`GET ${new URL(server.url).pathname} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n`, undefined);
  expect(await closed).toBe(undefined);
  expect(into.has(memory.buffer)).toBe(true);
  expect(into.size).toBe(2);
});
