import type { Backend, Capabilities } from "@instar/backend";

/** What an image can do, with the files that it stands on. */
export function imageCapabilities(file: Backend, dataFile: Backend | undefined, write: boolean): Capabilities {
  return {
    write,
    grow: false,
    truncate: write && (dataFile?.capabilities.truncate ?? true),
    writeZeroes: write,
    discard: write,
    allocate: false,
    extents: true,
    durable: file.capabilities.durable && (dataFile?.capabilities.durable ?? true),
  };
}
