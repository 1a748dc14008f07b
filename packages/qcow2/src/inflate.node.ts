/// <reference types="node" />
import { inflateRaw } from "node:zlib";

import { Qcow2Error } from "./errors.js";
import { inflateCluster as inflatePortably } from "./inflate.default.js";

/** Unpacks a compressed cluster with zlib; in all else like the portable `inflateCluster`. */
export function inflateCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  // One byte of room more than is needed: zlib is then done in one step.
  const options = { chunkSize: Math.max(clusterSize + 1, 64), maxOutputLength: clusterSize };
  return new Promise((resolve, reject) => {
    inflateRaw(compressed, options, (error, bytes) => {
      if (error !== null) {
        // A stream that goes on behind the cluster is legal, but zlib offers no way to stop there.
        if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") resolve(inflatePortably(compressed, clusterSize));
        else reject(new Qcow2Error("ERR_CORRUPT", `compressed cluster: ${error.message}`, { cause: error }));
        return;
      }
      if (bytes.byteLength === clusterSize) resolve(bytes);
      else
        reject(
          new Qcow2Error(
            "ERR_CORRUPT",
            `compressed cluster: the stream ends after ${bytes.byteLength} of ${clusterSize} bytes`,
          ),
        );
    });
  });
}
