import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { wireOpener } from "#open-wire";
import { expect, it, onTestFinished } from "vitest";
import type { WireEvents } from "../src/http1/wire.js";
import { cert, key } from "./certificate.js";

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const deaf: WireEvents = {
  connected: () => undefined,
  room: () => undefined,
  received: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

it("TLS is told which host is meant, and that HTTP/1.1 is to be spoken", async () => {
  const server = createTlsServer({ cert, key, ALPNProtocols: ["h2", "http/1.1"] });
  const met = once(server, "secureConnection") as Promise<[TLSSocket & { readonly servername: string }]>;
  const port = await listening(server);
  const wire = wireOpener({ rejectUnauthorized: false })(new URL(`https://localhost:${port}`), deaf);
  const [{ servername, alpnProtocol }] = await met;
  expect([servername, alpnProtocol]).toEqual(["localhost", "http/1.1"]);
  wire.destroy();
});

it("a wire that is broken before TLS has been loaded connects to nothing", async () => {
  const server = createServer();
  const port = await listening(server);
  let connections = 0;
  server.on("connection", () => connections++);
  const closed = Promise.withResolvers<void>();
  const wire = wireOpener({})(new URL(`https://127.0.0.1:${port}`), { ...deaf, closed: () => closed.resolve() });
  wire.destroy();
  await closed.promise;
  // It would come before this one.
  const after = wireOpener({})(new URL(`http://127.0.0.1:${port}`), deaf);
  await once(server, "connection");
  expect(connections).toBe(1);
  after.destroy();
});

it("the time of a rest is over when the wire is needed again", async () => {
  const server = createServer((socket) => socket.on("data", () => setTimeout(() => socket.write("late"), 200)));
  const port = await listening(server);
  const connected = Promise.withResolvers<void>();
  const next = Promise.withResolvers<string>();
  const wire = wireOpener({})(new URL(`http://127.0.0.1:${port}`), {
    ...deaf,
    connected: connected.resolve,
    received: (bytes) => next.resolve(Buffer.from(bytes).toString()),
    ended: () => next.resolve("ended"),
  });
  await connected.promise;
  wire.rest(50);
  wire.wake();
  wire.send("x", undefined);
  expect(await next.promise).toBe("late");
  wire.destroy();
});

it("a program goes on as long as a request over a connection that had rested is under way", async () => {
  let asked = 0;
  const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  const server = createServer((socket) =>
    socket.on("data", () => setTimeout(() => socket.write(answer), ++asked === 2 ? 200 : 0)),
  );
  const port = await listening(server);
  const script = `
    import { nodeTransport } from "@instar/backend-http/node";
    const transport = nodeTransport();
    const ask = (end) =>
      transport.send({ method: "GET", url: "http://127.0.0.1:${port}/", headers: {} }, { head() {}, data() {}, end, fail: console.log });
    ask(() => setImmediate(() => ask(() => console.log("both"))));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: import.meta.dirname });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  expect(Buffer.concat(chunks).toString()).toBe("both\n");
});
