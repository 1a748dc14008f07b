import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { nodeTransport } from "../src/node.js";
import { open, pattern, readAt } from "./bytes.js";
import { cert, key } from "./certificate.js";
import { startServer } from "./server.js";

const contents = pattern(5000);

describe.each([false, true])("the transport of Node, with TLS: %s", (tls) => {
  it("sends the first requests at once, and later ones by undici", async () => {
    const server = await startServer(contents, tls ? { cert, key } : undefined);
    const sockets = new Set<unknown>();
    server.always = (request, _, serve) => {
      sockets.add(request.socket);
      serve();
    };
    const backend = await open(server.url, { ca: cert });
    for (let read = 0; read < 2; read++) await readAt(backend, read, 100);
    expect(sockets.size).toBe(1);
    // The other has connections of its own.
    await expect
      .poll(async () => {
        expect(await readAt(backend, 7, 100)).toEqual(contents.subarray(7, 107));
        return sockets.size;
      })
      .toBe(2);
  });

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

it("undici is not loaded by whoever asks for little", () => {
  const script = `
    import { createServer } from "node:http";
    import { HttpBackend } from "@instar/backend-http";
    import { registerHooks } from "node:module";
    const server = createServer((request, response) => {
      response.writeHead(206, { "content-range": "bytes 0-9/10" }).end("0123456789");
    }).listen(0, "127.0.0.1", async () => {
      registerHooks({ resolve: (name, context, next) => (name === "undici" && console.log("undici"), next(name, context)) });
      const disk = await HttpBackend.open("http://127.0.0.1:" + server.address().port);
      await disk.read(new Uint8Array(10), 0);
      await disk.close();
      server.close();
      console.log("read");
    });`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: import.meta.dirname });
  expect(out.toString()).toBe("read\n");
});
