import { deflateRaw } from "pako";

import { MEMORY_LEVEL, WINDOW_BITS } from "./deflate-settings.js";
import { Qcow2Error } from "./errors.js";

/** Packs a cluster (raw deflate). */
export async function deflateCluster(cluster: Uint8Array): Promise<Uint8Array> {
  return deflateRaw(cluster, { windowBits: WINDOW_BITS, memLevel: MEMORY_LEVEL });
}

/** @throws {@link Qcow2Error} `ERR_UNSUPPORTED_FEATURE`: there is no packer for zstd but that of `node:zlib` */
export async function zstdCluster(_cluster: Uint8Array): Promise<Uint8Array> {
  const init = { field: "compression_type", value: "zstd", rule: "zlib to be written compressed outside of Node" };
  throw new Qcow2Error("ERR_UNSUPPORTED_FEATURE", "compressing with zstd needs node:zlib", init);
}
