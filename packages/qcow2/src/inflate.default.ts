import { Qcow2Error } from "./errors.js";
import { inflateRaw } from "./inflate-raw.js";

/**
 * Unpacks a compressed cluster (raw deflate; bytes behind the end of the stream are ignored).
 *
 * `DecompressionStream` is of no use here: it fails on the padding behind the stream, and drops what it had unpacked.
 *
 * @param compressed the bytes from the cluster's host offset on, up to the end that its L2 entry tells
 * @param clusterSize bytes to unpack; no more are ever allocated
 * @throws {@link Qcow2Error} `ERR_CORRUPT` when the stream is broken or ends early
 */
export async function inflateCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const target = new Uint8Array(clusterSize);
  const problem = inflateRaw(compressed, target);
  if (problem !== undefined) throw new Qcow2Error("ERR_CORRUPT", `compressed cluster: ${problem}`);
  return target;
}
