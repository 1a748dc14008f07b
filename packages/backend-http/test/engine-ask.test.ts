import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { type Answer, ask, engineSettings, fetchTransport, HttpClient, type HttpMethod } from "../src/engine/index.js";
import { nodeTransport } from "../src/node.js";
import { pattern } from "./bytes.js";

type Handler = (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;

let handler: Handler;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => handler(request, Buffer.concat(chunks), response));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const transports = [
  ["sockets", nodeTransport()],
  ["fetch", fetchTransport()],
] as const;

describe.each(transports)("a question by %s", (_, transport) => {
  const settings = engineSettings({ backoff: 0 });
  const client = new HttpClient(transport, { name: "x", counters: settings.counters });

  function asked(method: HttpMethod, body?: Uint8Array, bodyLimit?: number): Promise<Answer> {
    const target = { name: "x", prepare: () => ({ method, url, headers: { "x-own": "1" }, body }) };
    return ask({ client, target, method, headers: {}, bodyLimit, settings, signal: undefined });
  }

  it.each<HttpMethod>(["PUT", "POST"])("takes a body along by %s, and brings one back", async (method) => {
    const sent = pattern(300_000);
    handler = ({ headers }, body, response) => {
      expect(headers["content-length"]).toBe("300000");
      response.end(`<got>${body.equals(sent)}</got>`);
    };
    expect((await asked(method, sent, 1000)).body).toBe("<got>true</got>");
  });

  it("with an empty body says so", async () => {
    handler = ({ headers }, _body, response) => response.end(headers["content-length"]);
    expect((await asked("PUT", new Uint8Array(0), 1000)).body).toBe("0");
  });

  it("sends the body again when it is tried again", async () => {
    const lengths: number[] = [];
    handler = (_request, body, response) => {
      lengths.push(body.length);
      response.writeHead(lengths.length < 3 ? 503 : 200).end();
    };
    expect((await asked("PUT", pattern(1000))).status).toBe(200);
    expect(lengths).toEqual([1000, 1000, 1000]);
  });

  it("by DELETE has an answer without a body", async () => {
    handler = (_request, _body, response) => response.writeHead(204).end();
    expect((await asked("DELETE")).status).toBe(204);
  });

  it("gives the whole body of a GET that wants it, and refuses one that is too long", async () => {
    handler = (_request, _body, response) => response.end("x".repeat(100_000));
    expect((await asked("GET", undefined, 100_000)).body.length).toBe(100_000);
    await expect(asked("GET", undefined, 99_999)).rejects.toMatchObject({ code: "ERR_IO" });
  });

  it("that changes something is not redirected", async () => {
    const paths: (string | undefined)[] = [];
    handler = (request, _body, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    };
    expect((await asked("PUT", pattern(10))).status).toBe(307);
    expect(paths).toEqual(["/x"]);
  });
});
