import type { Backend, CallOptions, Extent } from "./contract.js";
import { checkWithin } from "./range.js";

/**
 * What a range of any backend consists of: its `extents` where the manifest has them, else one `data` extent. The range
 * must lie within the size.
 *
 * @throws {@link BackendError} `ERR_RANGE` for a range that does not, and what the backend throws, when iterated.
 */
export async function* extentsOf(
  backend: Backend,
  offset: number,
  length: number,
  options?: CallOptions,
): AsyncGenerator<Extent> {
  if (backend.capabilities.extents) {
    yield* backend.extents(offset, length, options);
    return;
  }
  checkWithin(backend.name, "extentsOf", offset, length, backend.size);
  // An empty read lets the backend say that it is closed, or that the signal is aborted.
  await backend.read(new Uint8Array(0), offset, options);
  if (length > 0) yield { offset, length, kind: "data" };
}
