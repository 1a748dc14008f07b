import type { CallOptions } from "@instar/backend";

/**
 * The place for the state of a virtual machine, which is behind the disk: nobody sees it on the disk, and snapshots take
 * what is there along. What was never written there reads as zeroes. A change of the size of the disk may lose it.
 * Offsets are bytes from its beginning. Specification: "Snapshots".
 */
export interface VmState {
  /**
   * Fills the whole of `target` from `offset`.
   *
   * @throws {@link Qcow2Error} as reading the disk does
   */
  read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void>;

  /**
   * Writes the whole of `source` at `offset`; other requests wait.
   *
   * @throws {@link BackendError} `ERR_RANGE` where the image cannot map so much, `ERR_UNSUPPORTED` with an external data
   *   file, and as writing to the disk does
   */
  write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void>;
}
