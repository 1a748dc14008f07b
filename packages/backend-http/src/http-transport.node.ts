import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import type { AgentOptions } from "node:https";
import type { Cancellable, HttpReceiver, HttpRequest, Transport } from "./engine/index.js";

/**
 * A transport over `node:http` and `node:https`: it is there at once, where undici takes tens of milliseconds to load, and
 * costs half as much again for each request. `options` are those of `tls.connect`.
 */
export function nodeHttpTransport(options: AgentOptions = {}): Transport {
  const agent = new Agent({ keepAlive: true });
  let secure: Secure | undefined;
  return {
    send(request, receiver) {
      const exchange = new NodeExchange(receiver);
      if (!request.url.startsWith("https:")) exchange.begin(request, httpRequest, agent);
      else {
        secure ??= loadSecure(options);
        secure.then(
          (found) => exchange.begin(request, found.request, found.agent),
          (error: unknown) => exchange.fail(error),
        );
      }
      return exchange;
    },
    async close() {
      agent.destroy();
      (await secure)?.agent.destroy();
    },
  };
}

/** What serves `https:`, which takes longer to load and is not always wanted. */
type Secure = Promise<{ readonly request: typeof httpRequest; readonly agent: Agent }>;

async function loadSecure(options: AgentOptions): Secure {
  const { Agent: SecureAgent, request } = await import("node:https");
  return { request, agent: new SecureAgent({ ...options, keepAlive: true }) };
}

class NodeExchange implements Cancellable {
  readonly #receiver: HttpReceiver;
  #request: ClientRequest | undefined;
  #over = false;
  /** Whether the answer is there, and has no body. */
  #whole = false;

  constructor(receiver: HttpReceiver) {
    this.#receiver = receiver;
  }

  begin({ method, url, headers, body }: HttpRequest, send: typeof httpRequest, agent: Agent): void {
    if (this.#over) return;
    try {
      const length = body === undefined ? {} : { "content-length": String(body.byteLength) };
      this.#request = send(url, { method, agent, headers: { ...headers, ...length } });
    } catch (error) {
      queueMicrotask(() => this.fail(error));
      return;
    }
    this.#request.on("response", (answer) => this.#answered(answer)).on("error", (error) => this.fail(error));
    this.#request.end(body);
  }

  cancel(): void {
    this.#over = true;
    this.#request?.destroy();
  }

  fail(error: unknown): void {
    // Ceph has a body follow the answer to some HEADs: that breaks the connection, but not the answer.
    if (this.#whole) return this.#end();
    if (this.#over) return;
    this.#over = true;
    this.#receiver.fail(error);
  }

  #answered(answer: IncomingMessage): void {
    if (this.#over) return;
    this.#whole = this.#request?.method === "HEAD";
    answer
      .on("data", (chunk: Buffer) => this.#over || this.#receiver.data(chunk))
      .on("end", () => this.#end())
      .on("error", (error) => this.fail(error));
    this.#receiver.head(answer.statusCode ?? 0, answer.headers);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.end();
  }
}
