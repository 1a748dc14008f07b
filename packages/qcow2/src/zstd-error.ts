import { Qcow2Error } from "./errors.js";

/** The error for a zstd frame that is not one cluster. */
export function zstdError(clusterSize: number, cause?: unknown): Qcow2Error {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  const message = `compressed cluster: its zstd frame does not unpack to ${clusterSize} bytes${reason}`;
  return new Qcow2Error("ERR_CORRUPT", message, { cause });
}
