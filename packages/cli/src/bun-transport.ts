import { fetchTransport, type Transport } from "@instar/backend-http/engine";

/**
 * What sends requests in the executable that needs no Node.js, in the place of `nodeTransport`: Bun has a client of its own,
 * on threads of its own, and one of Node's would take twice the time of the only thread there is for JavaScript.
 */
export function nodeTransport({ ca }: { readonly ca?: string | undefined } = {}): Transport {
  const settings: { tls?: { ca: string } } = ca === undefined ? {} : { tls: { ca } };
  return fetchTransport((url, init) => fetch(url, { ...init, ...settings }), { showsRedirects: true });
}
