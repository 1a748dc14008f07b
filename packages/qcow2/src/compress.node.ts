/// <reference types="node" />
import { deflateRaw, zstdCompress } from "node:zlib";

import { MEMORY_LEVEL, WINDOW_BITS } from "./deflate-settings.js";

/** More than the cluster: data that does not shrink is packed in one step, too. */
const MARGIN = 1024;

/** Packs a cluster (raw deflate) in zlib's threads. */
export function deflateCluster(cluster: Uint8Array): Promise<Uint8Array> {
  const options = { windowBits: WINDOW_BITS, memLevel: MEMORY_LEVEL, chunkSize: cluster.byteLength + MARGIN };
  return new Promise((resolve, reject) => {
    deflateRaw(cluster, options, (error, packed) => (error === null ? resolve(packed) : reject(error)));
  });
}

/** Packs a cluster as one zstd frame in zlib's threads. */
export function zstdCluster(cluster: Uint8Array): Promise<Uint8Array> {
  // Told the size, zstd does not set up tables for more, which would take longer than the packing.
  const options = { chunkSize: cluster.byteLength + MARGIN, pledgedSrcSize: cluster.byteLength };
  return new Promise((resolve, reject) => {
    zstdCompress(cluster, options, (error, packed) => (error === null ? resolve(packed) : reject(error)));
  });
}
