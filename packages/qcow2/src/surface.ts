import { BackendError, isBackendError } from "@instar/backend";
import { isCacheError } from "@instar/lru-cache";

/**
 * The error to show for a failure inside: what a cache reports is told as the failure of storage that is behind it,
 * since whoever uses an image knows nothing of caches.
 */
export function surfaced(error: unknown, name: string): unknown {
  if (!isCacheError(error)) return error;
  const root = rootOf(error);
  const reason = root instanceof Error ? root.message : String(root);
  const code = isBackendError(root) ? root.code : "ERR_IO";
  const retryable = isBackendError(root) && root.retryable;
  return new BackendError(code, `${name}: tables could not be written out: ${reason}`, { cause: error, retryable });
}

function rootOf(error: unknown): unknown {
  let root = error;
  while (isCacheError(root) && root.cause !== undefined) {
    root = root.cause instanceof AggregateError ? root.cause.errors[0] : root.cause;
  }
  return root;
}
