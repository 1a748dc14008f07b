import type { Geometry } from "./geometry.js";
import type { L2Codec } from "./l2-codec.js";

/** The numbers of an open image that never change; the guest size, which does, is in the header. */
export type Layout = Omit<Geometry, "guestSize" | "l1Entries"> & {
  readonly version: 2 | 3;
  /** Whether guest clusters lie in a file of their own, each at its guest offset. */
  readonly external: boolean;
  /** How its L2 entries are laid out. */
  readonly l2: L2Codec;
};
