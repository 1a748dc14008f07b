import { wireOpener } from "#open-wire";
import type { Transport } from "./engine/index.js";
import { integer } from "./engine/number-option.js";
import { http1Transport } from "./http1/http1-transport.js";
import type { TlsOptions } from "./http1/wire.js";

/** How the transport of Node connects. */
export interface NodeTransportOptions extends TlsOptions {
  /**
   * How many connections the very first request opens, for those that soon follow it side by side: they need not wait for
   * theirs. Defaults to 1, and more are opened as requests need them.
   */
  readonly connections?: number | undefined;
}

/**
 * The transport of Node: HTTP/1.1 over `node:net` and `node:tls`. Bodies go into the memory of whoever asked for them, or
 * through one buffer for each connection, which takes a fraction of the time of `node:http` or undici.
 *
 * @throws {@link BackendError} `ERR_RANGE` where `connections` is not an integer from 1.
 */
export function nodeTransport({ connections, ...tls }: NodeTransportOptions = {}): Transport {
  return http1Transport(wireOpener(tls), integer("connections", connections, 1, 1));
}
