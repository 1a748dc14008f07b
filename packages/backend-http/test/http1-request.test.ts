import { describe, expect, it } from "vitest";
import type { HttpRequest } from "../src/engine/index.js";
import { http1Transport } from "../src/http1/http1-transport.js";
import { fakeWires, Heard } from "./fake-wire.js";

async function sent(
  request: Partial<HttpRequest>,
): Promise<{ text: string | undefined; origin?: string; heard: Heard }> {
  const { wires, open } = fakeWires();
  const heard = new Heard();
  http1Transport(open).send({ method: "GET", url: "http://host/x", headers: {}, ...request }, heard);
  wires[0]?.events.connected();
  await Promise.resolve();
  return { text: wires[0]?.text, ...(wires[0] && { origin: wires[0].origin }), heard };
}

describe("a request reads", () => {
  it.each<[Partial<HttpRequest>, string]>([
    [{}, "GET /x HTTP/1.1\r\nhost: host\r\n\r\n"],
    [{ url: "http://host" }, "GET / HTTP/1.1\r\nhost: host\r\n\r\n"],
    [{ url: "https://[::1]:8/a%20b?c=/d" }, "GET /a%20b?c=/d HTTP/1.1\r\nhost: [::1]:8\r\n\r\n"],
    [{ headers: { host: "other", range: "bytes=0-1" } }, "GET /x HTTP/1.1\r\nhost: other\r\nrange: bytes=0-1\r\n\r\n"],
    [{ method: "DELETE" }, "DELETE /x HTTP/1.1\r\nhost: host\r\n\r\n"],
    [{ method: "POST" }, "POST /x HTTP/1.1\r\nhost: host\r\ncontent-length: 0\r\n\r\n"],
    [
      { method: "PUT", body: Buffer.from("ab\xff", "latin1") },
      "PUT /x HTTP/1.1\r\nhost: host\r\ncontent-length: 3\r\n\r\nab\xff",
    ],
    [{ headers: { "if-match": '"\xe9\x80"' } }, 'GET /x HTTP/1.1\r\nhost: host\r\nif-match: "\xe9\x80"\r\n\r\n'],
  ])("%j", async (request, text) => {
    expect((await sent(request)).text).toBe(text);
  });
});

describe("nothing is sent of a request that would be read as another one:", () => {
  it.each<[string, Partial<HttpRequest>]>([
    ["a line break in the path", { url: "http://host/x HTTP/1.1\r\nx: y" }],
    ["a space in the path", { url: "http://host/a b" }],
    ["a line break in a value", { headers: { x: "secret\r\ny: z" } }],
    ["a zero byte in a value", { headers: { x: "secret\0" } }],
    ["what has no byte in a value", { headers: { x: "secret€" } }],
    ["a line break in a name", { headers: { "x\r\ny": "secret" } }],
    ["no name", { headers: { "": "secret" } }],
    ["a length of the caller's", { method: "PUT", headers: { "content-length": "5" } }],
    ["a coding of the caller's", { method: "PUT", headers: { "transfer-encoding": "chunked" } }],
  ])("%s", async (_, request) => {
    const { text, heard } = await sent(request);
    expect(text).toBe(undefined);
    expect(heard.failure).toBeInstanceOf(TypeError);
    expect(String(heard.failure)).not.toContain("secret");
  });

  it("which can be called off before it fails", async () => {
    const heard = new Heard();
    http1Transport(fakeWires().open).send({ method: "GET", url: "http://host/ ", headers: {} }, heard).cancel();
    await Promise.resolve();
    expect(heard.failure).toBe(undefined);
  });
});
