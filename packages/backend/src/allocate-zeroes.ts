import type { Backend, CallOptions } from "./contract.js";
import { isBackendError } from "./errors.js";
import { writeZeroBytes } from "./zero-bytes.js";

/**
 * Sets space aside for a range that reads as zeroes, or lies past the end, on any backend that can be written to: by
 * `allocate` where the manifest has it and the storage goes along, else by writing the zeroes, 256 KiB at a time.
 *
 * @throws what the backend throws; `ERR_RANGE` past the end of one that does not grow
 */
export async function allocateZeroes(
  backend: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): Promise<void> {
  if (backend.capabilities.allocate) {
    try {
      await backend.allocate(offset, length, options);
      return;
    } catch (error) {
      if (!isBackendError(error, "ERR_UNSUPPORTED")) throw error;
    }
  }
  await writeZeroBytes(backend, offset, length, options);
}
