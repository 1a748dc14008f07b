import { expect, it } from "vitest";
import { open, pattern, readAt } from "./bytes.js";
import { nodeTransport } from "../src/node.js";
import { cutAfter, startServer } from "./server.js";

it("connections are kept, also behind a HEAD and a connection that was lost", async () => {
  const server = await startServer(pattern(300_000));
  const sockets = new Set<unknown>();
  server.always = (request, _, serve) => {
    sockets.add(request.socket);
    serve();
  };
  const backend = await open(server.url);
  server.faults.push(cutAfter(10));
  for (let read = 0; read < 50; read++) await readAt(backend, read * 1000, 1000);
  expect(sockets.size).toBeLessThan(8);
});

it("the first read takes the connection of the open", async () => {
  const server = await startServer(pattern(1000));
  const sockets = new Set<unknown>();
  server.always = (request, _, serve) => {
    sockets.add(request.socket);
    serve();
  };
  await readAt(await open(server.url), 0, 10);
  expect(sockets.size).toBe(1);
});

it("an open that fails leaves no connection behind", async () => {
  const server = await startServer(pattern(1000));
  const sockets = new Set<{ readonly destroyed: boolean }>();
  server.always = (request, response) => {
    sockets.add(request.socket);
    response.writeHead(404).end();
  };
  // The connection of a HEAD that is refused would end by itself.
  await expect(open(server.url, { firstRead: 10 })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  await expect.poll(() => Array.from(sockets, ({ destroyed }) => destroyed)).toEqual([true]);
});

it("a transport that was handed in is left open", async () => {
  const server = await startServer(pattern(1000));
  const transport = nodeTransport();
  await (await open(server.url, { transport })).close();
  server.faults.push((_, response) => response.writeHead(404).end());
  await expect(open(server.url, { transport })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  expect((await open(server.url, { transport })).size).toBe(1000);
  await transport.close();
  await expect(open(server.url, { transport, retries: 0 })).rejects.toMatchObject({ code: "ERR_IO" });
});

it("what is read passes through no buffer that grows with it", async () => {
  const server = await startServer(pattern(4 * 2 ** 20));
  const backend = await open(server.url, { splitSize: 2 ** 20, concurrency: 4 });
  const targets = Array.from({ length: 4 }, () => new Uint8Array(4 * 2 ** 20));
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let round = 0; round < 16; round++) {
    await Promise.all(targets.map((target) => backend.read(target, 0)));
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  // 256 MiB have been read; what is left over is chunks that the collector has not come to yet.
  expect(most).toBeLessThan(96 * 2 ** 20);
});
