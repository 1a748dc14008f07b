import { describe, expect, it } from "vitest";
import type { HttpMethod } from "../src/engine/index.js";
import { http1Transport } from "../src/http1/http1-transport.js";
import { type FakeWire, fakeWires, Heard, HeardInPlace } from "./fake-wire.js";

/** Sends a request, and has the server answer it with these texts, one after the other. */
function answered(
  texts: readonly string[],
  method: HttpMethod = "GET",
  heard: Heard = new Heard(),
): { heard: Heard; wire: FakeWire } {
  const { wires, open } = fakeWires();
  http1Transport(open).send({ method, url: "http://host/x", headers: {} }, heard);
  const [wire] = wires;
  if (!wire) throw new Error("no connection was opened");
  wire.events.connected();
  for (const text of texts) wire.receive(text);
  return { heard, wire };
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

describe("a response is understood wherever it is cut in two:", () => {
  const responses: [string, string, Partial<Heard>, HttpMethod?][] = [
    ["a length", `${ok}Content-Length: 5\r\n\r\nhello`, { body: "hello" }],
    ["nothing", `${ok}content-length:0\r\n\r\n`, { body: "" }],
    ["the same length twice", `${ok}content-length: 2\r\ncontent-length: 2\r\n\r\nok`, { body: "ok" }],
    ["chunks", `${chunked}3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\n\r\n`, { body: "abc0123456789" }],
    ["chunks and trailers", `${chunked}1\r\na\r\n00\r\nx: y\r\nz: 1\r\n\r\n`, { body: "a" }],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, body: "" }],
    ["304", "HTTP/1.1 304 \r\ncontent-length: 9\r\n\r\n", { status: 304, body: "" }],
    ["no reason", "HTTP/1.1 206\r\ncontent-length: 1\r\n\r\nx", { status: 206, body: "x" }],
    ["1.0", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", { body: "x" }],
    [
      "what precedes it",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n${ok}content-length: 1\r\n\r\nx`,
      { status: 200, body: "x" },
    ],
    ["HEAD", `${ok}content-length: 5\r\n\r\n`, { body: "" }, "HEAD"],
  ];

  it.each(responses)("%s", (_, response, expected, method) => {
    for (let at = 0; at <= response.length; at++) {
      const { heard } = answered([response.slice(0, at), response.slice(at)], method);
      expect(heard, `cut at ${at}`).toMatchObject({ status: 200, ...expected, failure: null });
    }
    expect(answered(response.split(""), method).heard).toMatchObject({ status: 200, ...expected, failure: null });
  });

  it.each(responses)("%s, into memory of who asked", (_, response, expected, method) => {
    for (let at = 0; at <= response.length; at++) {
      const texts = [response.slice(0, at), response.slice(at)];
      const { heard } = answered(texts, method, new HeardInPlace(4));
      expect(heard, `cut at ${at}`).toMatchObject({ status: 200, ...expected, failure: null });
    }
    const heard = new HeardInPlace(4);
    answered(response.split(""), method, heard);
    // Nothing but the body comes there, and all of it where bytes come one by one.
    expect(heard).toMatchObject({ status: 200, ...expected, failure: null, inPlace: heard.body.length });
  });

  it("the end of the connection", () => {
    const { heard, wire } = answered([`${ok}\r\nhel`, "lo"]);
    expect(heard.failure).toBe(undefined);
    wire.events.ended();
    expect(heard).toMatchObject({ body: "hello", failure: null });
    expect(wire.destroyed).toBe(true);
  });
});

it("header fields keep their values, spaces around them apart", () => {
  const { heard } = answered([
    `${ok}ETag: "\xe9\x80"\r\nX:\t a b \t\r\nSet-Cookie: a\r\nset-cookie: b\r\nSET-COOKIE: c\r\n__proto__: p\r\nE:\r\ncontent-length: 0\r\n\r\n`,
  ]);
  expect(Object.entries(heard.headers)).toEqual([
    ["etag", '"\xe9\x80"'],
    ["x", "a b"],
    ["set-cookie", ["a", "b", "c"]],
    ["__proto__", "p"],
    ["e", ""],
    ["content-length", "0"],
  ]);
});

describe("what leaves in doubt what it means fails, and its connection ends:", () => {
  const long = "x".repeat(70_000);
  const responses: [string, string][] = [
    ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["line ends without a return", "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n"],
    ["a folded field", `${ok}x: a\r\n b\r\n\r\n`],
    ["a space before the colon", `${ok}content-length : 5\r\n\r\n`],
    ["a field without a name", `${ok}: 5\r\n\r\n`],
    ["a return in a value", `${ok}x: a\rb\r\n\r\n`],
    ["a zero byte in a value", `${ok}x: a\0b\r\n\r\n`],
    ["two lengths", `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\n`],
    ["two lengths in one", `${ok}content-length: 5, 6\r\n\r\n`],
    ["a length that is none", `${ok}content-length: +5\r\n\r\n`],
    ["a negative length", `${ok}content-length: -1\r\n\r\n`],
    ["a length beyond numbers", `${ok}content-length: 9007199254740993\r\n\r\n`],
    ["chunks and a length", `${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`],
    ["another coding", `${ok}transfer-encoding: gzip, chunked\r\n\r\n`],
    ["chunks twice", `${ok}transfer-encoding: chunked, chunked\r\n\r\n`],
    ["chunks by 1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
    ["a chunk without a size", `${chunked}\r\nabc`],
    ["a chunk of no number", `${chunked}0x3\r\nabc`],
    ["a chunk beyond numbers", `${chunked}ffffffffffffff\r\n`],
    ["a chunk that goes on", `${chunked}3\r\nabcd\r\n`],
    ["a head without end", `${ok}x: ${long}`],
    ["a size without end", `${chunked}1;${long}`],
    ["trailers without end", `${chunked}0\r\n${"x: y\r\n".repeat(4000)}`],
  ];

  it.each(responses)("%s", async (_, response) => {
    for (const texts of [[response], response.length < 1000 ? response.split("") : [response]]) {
      const { heard, wire } = answered(texts);
      expect(heard.failure).toBeInstanceOf(Error);
      expect(wire.destroyed).toBe(true);
    }
  });

  it.each([
    ["before the head", ""],
    ["in the head", "HTTP/1.1 200 OK\r\ncontent-le"],
    ["in the body", `${ok}content-length: 5\r\n\r\nhell`],
    ["before the last chunk", `${chunked}3\r\nabc\r\n`],
  ])("an end %s", (_, response) => {
    const { heard, wire } = answered([response]);
    wire.events.ended();
    expect(heard.failure).toMatchObject({ code: "ECONNRESET" });
  });
});
