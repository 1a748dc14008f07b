import { wireOpener } from "#open-wire";
import type { Transport } from "./engine/index.js";
import { http1Transport } from "./http1/http1-transport.js";
import type { TlsOptions } from "./http1/wire.js";

/**
 * The transport of Node: HTTP/1.1 over `node:net` and `node:tls`. Bodies pass through one buffer for each connection, which
 * takes a fraction of the time of `node:http` or undici.
 */
export function nodeTransport(tls: TlsOptions = {}): Transport {
  return http1Transport(wireOpener(tls));
}
