import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import type { Fault } from "./faults.js";
import { type Account, signatureFault } from "./sigv4-check.js";
import { failure, type Reply, SmallObjects } from "./small-objects.js";

/** One request as it arrived. */
export interface Logged {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly length: number;
}

/**
 * A store on the loopback for what no store on npm has: it checks signatures and honours conditions, or does not, as a
 * test wants it, and can be told to misbehave.
 */
export class SmallStore extends SmallObjects {
  readonly endpoint: string;
  readonly region: string = "us-east-1";
  /** Whose signatures are good; without one nobody's is looked at. */
  account: Account | undefined;
  /** What the clock of the store shows, in milliseconds from the right time. */
  skew = 0;
  /** Names another region as that of the bucket. */
  movedTo: string | undefined;
  /** What happens to the next requests, one each; `undefined` is the right answer. */
  readonly faults: (Fault | undefined)[] = [];
  /** What happens to all others. */
  always: Fault | undefined;
  log: Logged[] = [];

  constructor(endpoint: string) {
    super();
    this.endpoint = endpoint;
  }

  /** The requests, as `METHOD path?query`, with ids left out. */
  get asked(): string[] {
    return this.log.map(({ method, url }) => `${method} ${url}`);
  }

  handle(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { method = "", url = "", headers } = request;
    this.log.push({ method, url, headers, length: body.length });
    const serve = (): void => {
      const { status, headers: found, body: text = "" } = this.#answer(request, body);
      response.writeHead(status, { date: new Date(this.now).toUTCString(), ...found });
      response.end(method === "HEAD" ? undefined : Buffer.from(text));
    };
    const fault = this.faults.length > 0 ? this.faults.shift() : this.always;
    if (fault) fault(request, response, serve);
    else serve();
  }

  get now(): number {
    return Date.now() + this.skew;
  }

  #answer(request: IncomingMessage, body: Buffer): Reply {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "", "http://x");
    if (url.pathname === "/") return failure(403, "AccessDenied");
    const region = this.movedTo ?? this.region;
    const fault = this.account && signatureFault(request, body, this.account, region, this.now);
    if (fault === "AuthorizationHeaderMalformed") return failure(400, fault, { "x-amz-bucket-region": region });
    if (fault !== undefined) return failure(403, fault);
    const name = decodeURIComponent(url.pathname.slice(1));
    return this.answer({ method, name, query: url.searchParams, headers, body, now: this.now });
  }
}

/** Starts a small store, which ends with the test file. */
export async function startSmallStore(tls?: ServerOptions): Promise<SmallStore> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => store.handle(request, Buffer.concat(chunks), response));
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  const store = new SmallStore(`${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return store;
}
