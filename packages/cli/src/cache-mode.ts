import { oneOf } from "./args.js";

const MODES = ["none", "writeback", "writethrough", "directsync", "unsafe"] as const;

/** How much a writer waits for storage, in QEMU's words. */
export type CacheMode = (typeof MODES)[number];

/** The value of an option that names a cache mode; `writeback` where it is absent. */
export function cacheMode(option: string, value: string | undefined): CacheMode {
  return value === undefined ? "writeback" : oneOf(option, value, MODES);
}
