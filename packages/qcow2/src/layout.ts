import type { Geometry } from "./geometry.js";

/** The numbers of an open image that never change; the guest size, which does, is in the header. */
export type Layout = Omit<Geometry, "guestSize" | "l1Entries"> & { readonly version: 2 | 3 };
