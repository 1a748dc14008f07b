import type { Transport } from "./engine/index.js";
import type { ConnectionOptions } from "./http-options.js";
import { nodeTransport } from "./node-transport.js";

/** The transport of this runtime. */
export function defaultTransport({ ca, connections }: ConnectionOptions): Transport {
  return nodeTransport({ ca, connections });
}
