import { isPlain } from "./redirect.js";
import type { HttpReceiver, HttpRequest, Transport } from "./transport.js";
import { BackendError } from "@instar/backend";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * A transport over `fetch`, for browsers and other runtimes. It lets `fetch` follow the redirects of requests without
 * headers of their own; a browser shows nobody where the others lead, so that there they are `ERR_UNSUPPORTED`.
 */
export function fetchTransport(fetch: Fetch = globalThis.fetch): Transport {
  return {
    send(request, receiver) {
      const controller = new AbortController();
      transfer(fetch, request, receiver, controller.signal).catch((error: unknown) => {
        if (!controller.signal.aborted) receiver.fail(error);
      });
      return { cancel: () => controller.abort() };
    },
    close: async () => undefined,
  };
}

async function transfer(
  fetch: Fetch,
  request: HttpRequest,
  receiver: HttpReceiver,
  signal: AbortSignal,
): Promise<void> {
  const { method, url, headers, body } = request;
  const redirect = isPlain(request) ? "follow" : "manual";
  const init: RequestInit = {
    method,
    headers: { ...headers },
    body: body ? new Uint8Array(body) : null,
    redirect,
    signal,
  };
  const response = await fetch(url, { ...init, cache: "no-store" });
  if (signal.aborted) return;
  if (response.type === "opaqueredirect") {
    const message = "a redirect of a request that carries own headers, which fetch does not show";
    throw new BackendError("ERR_UNSUPPORTED", message);
  }
  receiver.head(response.status, Object.fromEntries(response.headers));
  if (response.body) {
    for (const reader = response.body.getReader(); ;) {
      if (signal.aborted) return;
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (done) break;
      receiver.data(value);
    }
  }
  if (!signal.aborted) receiver.end();
}
