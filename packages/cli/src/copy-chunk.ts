import type { Image } from "./image.js";
import { localPathOf } from "./names/image-spec.js";
import { REQUEST_BYTES } from "./protocols/protocol.js";

/** Worth a system call, and some of them side by side fit into the caches of a processor. */
const LOCAL = 2_097_152;

/** How much of what images show is to be read at once: as much as a request takes, where that takes time. */
export function chunkOf(images: readonly Image[]): number {
  const isRemote = images.some(({ layers }) => layers.some(({ storage }) => localPathOf(storage) === undefined));
  return isRemote ? REQUEST_BYTES : LOCAL;
}
