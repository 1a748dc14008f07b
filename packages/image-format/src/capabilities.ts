import type { Backend, Capabilities } from "@instar/backend";

/** What a disk can do that is read out of an image in `file`: be read, and tell its extents. */
export function readOnlyCapabilities(file: Backend): Capabilities {
  return {
    write: false,
    grow: false,
    truncate: false,
    writeZeroes: false,
    discard: false,
    allocate: false,
    extents: true,
    durable: file.capabilities.durable,
  };
}
