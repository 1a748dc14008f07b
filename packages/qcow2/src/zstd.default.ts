import { Decompress } from "fzstd";

import { zstdError } from "./zstd-error.js";
import { plainFrame } from "./zstd-frame.js";

/**
 * Unpacks a cluster compressed with zstd: one frame, whose content is the cluster. What comes behind the frame is not
 * looked at. Checksums of frames, which QEMU does not write, are not checked.
 *
 * @param compressed the bytes from the cluster's host offset on, up to the end that its L2 entry tells
 * @param clusterSize bytes to unpack; no more are ever kept
 * @throws {@link Qcow2Error} `ERR_CORRUPT` when the frame is broken or holds more or less than the cluster
 */
export async function unzstdCluster(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const cluster = new Uint8Array(clusterSize);
  let length = 0;
  try {
    // A block that does not fit any more is a RangeError, and ends it.
    const frame = new Decompress((block) => {
      cluster.set(block, length);
      length += block.byteLength;
    });
    frame.push(plainFrame(compressed, clusterSize), true);
  } catch (cause) {
    throw zstdError(clusterSize, cause);
  }
  if (length !== clusterSize) throw zstdError(clusterSize);
  return cluster;
}
