import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

/** Answers a request in its own way. `serve` gives the right answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse, serve: () => void) => void;

/** One request as it arrived. */
export interface Logged {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** First and last byte, for a request with a range. */
  readonly range: readonly [number, number] | undefined;
}

/** A server on the loopback that holds one object at every path, and can be told to misbehave. */
export class TestServer {
  contents: Uint8Array;
  etag: string | undefined = '"one"';
  lastModified: string | undefined = "Mon, 01 Jan 2024 00:00:00 GMT";
  /** What happens to the next requests, one each; `undefined` is the right answer. */
  readonly faults: (Fault | undefined)[] = [];
  /** What happens to all others. */
  always: Fault | undefined;
  readonly log: Logged[] = [];
  readonly url: string;
  /** Responses that have not ended. */
  open = 0;

  constructor(contents: Uint8Array, url: string) {
    this.contents = contents;
    this.url = url;
  }

  /** The GETs with their ranges. */
  get ranges(): (readonly [number, number] | undefined)[] {
    return this.log.filter(({ method }) => method === "GET").map(({ range }) => range);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "", headers } = request;
    this.log.push({ method, url, headers, range: rangeOf(request) });
    this.open++;
    response.on("close", () => this.open--);
    const serve = (): void => this.#serve(request, response);
    const fault = this.faults.length > 0 ? this.faults.shift() : this.always;
    if (fault) fault(request, response, serve);
    else serve();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { headers, method } = request;
    const { length } = this.contents;
    if (this.etag !== undefined) response.setHeader("etag", this.etag);
    if (this.lastModified !== undefined) response.setHeader("last-modified", this.lastModified);
    response.setHeader("accept-ranges", "bytes");
    const match = headers["if-match"];
    const unmodified = headers["if-unmodified-since"];
    const other = match !== undefined && (match !== this.etag || match.startsWith("W/"));
    const newer = unmodified !== undefined && Date.parse(unmodified) < Date.parse(this.lastModified ?? "");
    if (other || newer) {
      response.writeHead(412).end();
      return;
    }
    const range = rangeOf(request);
    if (method === "HEAD" || range === undefined) {
      response.writeHead(200, { "content-length": length });
      response.end(method === "HEAD" ? undefined : this.contents);
      return;
    }
    const [first, last] = [range[0], Math.min(range[1], length - 1)];
    if (first >= length) {
      response.writeHead(416, { "content-range": `bytes */${length}` }).end();
      return;
    }
    const body = this.contents.subarray(first, last + 1);
    response.writeHead(206, { "content-range": `bytes ${first}-${last}/${length}`, "content-length": body.length });
    response.end(body);
  }
}

function rangeOf(request: IncomingMessage): readonly [number, number] | undefined {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** Starts a server, which ends with the test file. */
export async function startServer(contents: Uint8Array, tls?: ServerOptions): Promise<TestServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => subject.handle(request, response);
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const subject = new TestServer(contents, `${tls ? "https" : "http"}://127.0.0.1:${port}/disk.img`);
  return subject;
}

/** Answers with a status and nothing else. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Fault {
  return (_, response) => response.writeHead(code, headers).end();
}

/** Sends the first `count` bytes of the right body, and then breaks the connection. */
export function cutAfter(count: number): Fault {
  return (_, response, serve) => {
    bodyBecomes(response, (body) => response.write(body.subarray(0, count), () => response.destroy()));
    serve();
  };
}

/** Sends the first `count` bytes of the right body, and then nothing. */
export function stallAfter(count: number): Fault {
  return (_, response, serve) => {
    bodyBecomes(response, (body) => response.write(body.subarray(0, count)));
    serve();
  };
}

/** Has the right headers sent, and the body handed to `send`. */
export function bodyBecomes(response: ServerResponse, send: (body: Uint8Array) => void): void {
  const replaced = (body?: unknown): ServerResponse => {
    response.flushHeaders();
    send(body instanceof Uint8Array ? body : new Uint8Array(0));
    return response;
  };
  Object.assign(response, { end: replaced });
}

/** Breaks the connection at once. */
export const reset: Fault = (request) => request.socket.resetAndDestroy();
