import type { Capabilities } from "@instar/backend";

/** The manifest of a disk that is put together for reading. */
export const READ_ONLY: Capabilities = {
  write: false,
  grow: false,
  truncate: false,
  writeZeroes: false,
  discard: false,
  allocate: false,
  extents: true,
  durable: false,
};
