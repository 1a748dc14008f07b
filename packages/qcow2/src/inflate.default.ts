import { Inflate } from "pako";

import { Qcow2Error } from "./errors.js";

/** Ends the unpacking of a stream that goes on behind the cluster. */
class ClusterFull extends Error {}

/**
 * Unpacks a compressed cluster (raw deflate). What comes behind the cluster's end is not looked at: padding, or more of
 * the stream. (`DecompressionStream` fails on padding, and drops what it had unpacked.)
 *
 * @param compressed the bytes from the cluster's host offset on, up to the end that its L2 entry tells
 * @param clusterSize bytes to unpack; no more are ever kept
 * @throws {@link Qcow2Error} `ERR_CORRUPT` when the stream is broken or ends before the cluster is full
 */
export async function inflateCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const inflater = new Inflate({ raw: true, windowBits: 15, chunkSize: clusterSize });
  let cluster: Uint8Array = new Uint8Array(0);
  // The first chunk is the cluster, unless the stream is shorter.
  inflater.onData = (chunk: Uint8Array): void => {
    cluster = chunk;
    if (chunk.byteLength === clusterSize) throw new ClusterFull();
  };
  try {
    inflater.push(compressed, true);
  } catch (error) {
    if (!(error instanceof ClusterFull)) throw error;
    return cluster;
  }
  const reason = inflater.err === 0 ? "" : `: ${inflater.msg || `zlib error ${inflater.err}`}`;
  throw new Qcow2Error("ERR_CORRUPT", `compressed cluster: no ${clusterSize} bytes come out of the stream${reason}`);
}
