import { BackendError } from "@instar/backend";
import { fetchTransport, type Transport } from "./engine/index.js";
import type { ConnectionOptions } from "./http-options.js";

/** The transport of this runtime, which alone decides what certificates it trusts: `ca` is `ERR_UNSUPPORTED`. */
export function defaultTransport({ ca }: ConnectionOptions): Transport {
  if (ca === undefined) return fetchTransport();
  throw new BackendError("ERR_UNSUPPORTED", "option ca: this runtime does not let a program choose whom it trusts");
}
