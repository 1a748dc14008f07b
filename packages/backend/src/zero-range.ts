import type { Backend, CallOptions } from "./contract.js";
import { checkWithin } from "./range.js";
import { writeZeroBytes } from "./zero-bytes.js";

/**
 * Makes a range read as zeroes on any backend that can be written to: by `writeZeroes` where the manifest has it, else
 * by writing zero bytes, 256 KiB at a time. The range must lie within the size.
 *
 * @throws {@link BackendError} `ERR_RANGE` for a range that does not, and what the backend throws.
 */
export async function zeroRange(
  backend: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): Promise<void> {
  if (backend.capabilities.writeZeroes) return backend.writeZeroes(offset, length, options);
  checkWithin(backend.name, "zeroRange", offset, length, backend.size);
  await writeZeroBytes(backend, offset, length, options);
}
