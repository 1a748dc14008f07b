import type { Transport } from "./engine/index.js";
import { nodeTransport } from "./node-transport.js";

/** The transport of this runtime; `ca` are certificates in PEM that are trusted instead of the usual ones. */
export function defaultTransport(ca: string | undefined): Transport {
  return nodeTransport({ ca });
}
