import type { Dispatcher, Pool } from "undici";
import { OriginPools } from "./origin-pools.js";
import type { Cancellable, HttpReceiver, HttpRequest, Transport } from "./engine/index.js";

/**
 * A transport over undici's dispatch interface, which costs a fraction of what its `fetch` does.
 *
 * `options` are those of undici's `Pool`: `connect` takes `ca`, `cert`, `key`, `rejectUnauthorized` and whatever else
 * `tls.connect` does. Its own time limits for headers and bodies are off; the range engine watches for progress.
 */
export function undiciTransport(options: Pool.Options = {}): Transport {
  const pools = new OriginPools(options);
  return {
    send(request, receiver) {
      const handler = new Handler(receiver);
      handler.begin(pools, request);
      return handler;
    },
    close: () => pools.destroy(),
  };
}

class Handler implements Dispatcher.DispatchHandler, Cancellable {
  readonly #receiver: HttpReceiver;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #ranges = false;

  constructor(receiver: HttpReceiver) {
    this.#receiver = receiver;
  }

  begin(pools: OriginPools, { method, url, headers, body }: HttpRequest): void {
    this.#ranges = method === "GET";
    try {
      const at = url.indexOf("/", url.indexOf("://") + 3);
      const [origin, path] = at < 0 ? [url, "/"] : [url.slice(0, at), url.slice(at)];
      // Without `reset: false` undici gives up the connection after each HEAD.
      const rest = { headersTimeout: 0, bodyTimeout: 0, reset: false };
      pools.of(origin).dispatch({ origin, path, method, headers, body: body ?? null, ...rest }, this);
    } catch (error) {
      queueMicrotask(() => this.onResponseError(undefined, error));
    }
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Error("not wanted any more"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("not wanted any more"));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[]>): void {
    // 1xx answers precede the real one.
    if (!this.#over && status >= 200) this.#receiver.head(status, headers);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#over) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#ranges) return this.#end();
    // A connection takes its next request one turn of the event loop after an answer. What asks one thing after the other
    // would get a new connection each time; to whoever reads ranges side by side a turn is worth more.
    setImmediate(() => setImmediate(() => this.#end()));
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.end();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.fail(error);
  }
}
