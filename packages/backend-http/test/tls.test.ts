import { describe, expect, it } from "vitest";
import { nodeTransport } from "../src/node.js";
import { open, pattern, readAt } from "./bytes.js";
import { cert, key } from "./certificate.js";
import { startServer } from "./server.js";

const contents = pattern(5000);

describe("a server whose certificate the system does not trust", () => {
  it("is refused at once", async () => {
    const server = await startServer(contents, { cert, key });
    await expect(open(server.url)).rejects.toMatchObject({ code: "ERR_IO", retryable: false });
    expect(server.log).toEqual([]);
  });

  it("is told of in few words where it does not speak TLS at all", async () => {
    const server = await startServer(contents);
    const url = server.url.replace("http:", "https:");
    const message = `${url}: the connection failed: TLS: wrong version number`;
    await expect(open(url)).rejects.toMatchObject({ code: "ERR_IO", retryable: false, message });
  });

  it("is refused where its certificate is for another host", async () => {
    const server = await startServer(contents, { cert, key });
    const found = open(server.url.replace("127.0.0.1", "localhost"), { ca: cert });
    await expect(found).rejects.toMatchObject({ cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" }, retryable: false });
    expect(server.log).toEqual([]);
  });

  it("is read when the transport is told not to look", async () => {
    const server = await startServer(contents, { cert, key });
    const transport = nodeTransport({ rejectUnauthorized: false });
    expect(await readAt(await open(server.url, { transport }), 10, 10)).toEqual(contents.subarray(10, 20));
    await transport.close();
  });

  it("is read when the certificate is handed in", async () => {
    const server = await startServer(contents, { cert, key });
    const backend = await open(server.url, { ca: cert });
    expect(await readAt(backend, 10, 1000)).toEqual(contents.subarray(10, 1010));
  });

  it("is read through a transport of the caller's, which stays open", async () => {
    const server = await startServer(contents, { cert, key });
    const transport = nodeTransport({ ca: cert });
    for (let time = 0; time < 2; time++) {
      const backend = await open(server.url, { transport });
      expect(await readAt(backend, 10, 10)).toEqual(contents.subarray(10, 20));
      await backend.close();
    }
    await transport.close();
  });

  it("redirects from https: to http: in vain", async () => {
    const [server, plain] = [await startServer(contents, { cert, key }), await startServer(contents)];
    server.always = (_, response) => response.writeHead(302, { location: plain.url }).end();
    await expect(open(server.url, { ca: cert })).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    expect(plain.log).toEqual([]);
  });
});
