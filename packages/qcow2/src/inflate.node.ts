/// <reference types="node" />
import { inflateRaw, inflateRawSync } from "node:zlib";

/** Up to this cluster size a trip to zlib's threads costs more than unpacking at once, which takes about 0.1 ms. */
const LARGEST_AT_ONCE = 16384;

/** Unpacks a compressed cluster with zlib; in all else like the portable `inflateCluster`. */
export async function inflateCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const bytes = await inflateWithZlib(compressed, clusterSize).catch(() => undefined);
  if (bytes?.byteLength === clusterSize) return bytes;
  // zlib also refuses streams that are fine up to the cluster's end, where nothing more is needed of them. That is rare,
  // and the portable one takes milliseconds to load.
  const { inflateCluster: inflatePortably } = await import("./inflate.default.js");
  return inflatePortably(compressed, clusterSize);
}

async function inflateWithZlib(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  // One byte of room more than is needed: zlib is then done in one step.
  const options = { chunkSize: clusterSize + 1, maxOutputLength: clusterSize };
  if (clusterSize <= LARGEST_AT_ONCE) return inflateRawSync(compressed, options);
  return new Promise((resolve, reject) => {
    inflateRaw(compressed, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
