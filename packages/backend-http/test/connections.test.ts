import { expect, it } from "vitest";
import { open, pattern, readAt } from "./bytes.js";
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
