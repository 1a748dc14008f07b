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

/** `ZSTD_c_hashLog` and `ZSTD_c_chainLog` of zstd.h. */
const [HASH_LOG, CHAIN_LOG] = [102, 103];

/**
 * Logarithms of how many entries the two tables have in which zstd looks for what it has seen: a quarter as many as bytes
 * in a cluster. Its own choice for these sizes is two to four times as many, which each call has to clear: a third of the
 * time, for half a percent of the size.
 */
const TABLES: ReadonlyMap<number, number> = new Map([
  [65_536, 14],
  [131_072, 15],
]);

/** Packs a cluster as one zstd frame in zlib's threads. */
export function zstdCluster(cluster: Uint8Array): Promise<Uint8Array> {
  const table = TABLES.get(cluster.byteLength);
  const params = table === undefined ? {} : { [HASH_LOG]: table, [CHAIN_LOG]: table };
  // Told the size, zstd does not set up tables for more, which would take longer than the packing.
  const options = { chunkSize: cluster.byteLength + MARGIN, pledgedSrcSize: cluster.byteLength, params };
  return new Promise((resolve, reject) => {
    zstdCompress(cluster, options, (error, packed) => (error === null ? resolve(packed) : reject(error)));
  });
}
