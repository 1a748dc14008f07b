import { isPlain } from "./redirect.js";
import type { HttpReceiver, HttpRequest, Transport } from "./transport.js";
import { BackendError } from "@instar/backend";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What is to be known of a `fetch`. */
export interface FetchTraits {
  /** Whether it shows where redirects lead, as it does outside browsers. Defaults to `false`. */
  readonly showsRedirects?: boolean | undefined;
}

/**
 * A transport over `fetch`, for browsers and other runtimes. One that does not show redirects is let follow those of
 * requests without headers of their own; the others are `ERR_UNSUPPORTED` there.
 */
export function fetchTransport(
  fetch: Fetch = globalThis.fetch,
  { showsRedirects = false }: FetchTraits = {},
): Transport {
  return {
    send(request, receiver) {
      const controller = new AbortController();
      const redirect = !showsRedirects && isPlain(request) ? "follow" : "manual";
      transfer(fetch, request, redirect, receiver, controller.signal).catch((error: unknown) => {
        if (!controller.signal.aborted) receiver.fail(error);
      });
      return { cancel: () => controller.abort() };
    },
    close: async () => undefined,
  };
}

async function transfer(
  fetch: Fetch,
  { method, url, headers, body }: HttpRequest,
  redirect: RequestRedirect,
  receiver: HttpReceiver,
  signal: AbortSignal,
): Promise<void> {
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
