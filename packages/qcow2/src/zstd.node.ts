/// <reference types="node" />
import { zstdDecompress, zstdDecompressSync } from "node:zlib";

import { zstdError } from "./zstd-error.js";
import { firstFrame } from "./zstd-frame.js";

/** Up to this cluster size a trip to zlib's threads costs more than unpacking at once. */
const LARGEST_AT_ONCE = 65536;

/** Unpacks a cluster compressed with zstd, by zlib; in all else like the portable `unzstdCluster`. */
export async function unzstdCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const bytes = await unpack(compressed, clusterSize).catch((cause: unknown) => {
    throw zstdError(clusterSize, cause);
  });
  if (bytes.byteLength !== clusterSize) throw zstdError(clusterSize);
  return bytes;
}

async function unpack(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const frame = firstFrame(compressed, clusterSize);
  const options = { chunkSize: clusterSize, maxOutputLength: clusterSize };
  if (clusterSize <= LARGEST_AT_ONCE) return zstdDecompressSync(frame, options);
  return new Promise((resolve, reject) => {
    zstdDecompress(frame, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
