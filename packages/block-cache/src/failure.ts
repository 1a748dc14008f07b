import { BackendError, type BackendErrorCode, isBackendError } from "@instar/backend";
import { isCacheError } from "@instar/lru-cache";

/** What a write-back can fail with that says as much to the caller of another operation. */
const TELLING: readonly BackendErrorCode[] = [
  "ERR_IO",
  "ERR_NO_SPACE",
  "ERR_PERMISSION",
  "ERR_READ_ONLY",
  "ERR_CHANGED",
  "ERR_LOCKED",
];

/**
 * What an operation rejects with. A failure of the cache (a write-back that was needed for room, a sync, a dependency)
 * becomes a `BackendError` with the code of the backend's failure underneath; everything else stays as it is.
 */
export function failure(name: string, operation: string, error: unknown): unknown {
  if (!isCacheError(error)) return error;
  const origin = originOf(error);
  const code = origin && TELLING.includes(origin.code) ? origin.code : "ERR_IO";
  const message = `${name}: ${operation}: ${error.message}${origin ? `: ${origin.message}` : ""}`;
  return new BackendError(code, message, { cause: error, retryable: origin?.retryable ?? false });
}

/** The first failure of a backend among the causes of an error. */
function originOf(error: unknown): BackendError | undefined {
  if (isBackendError(error)) return error;
  if (error instanceof AggregateError) {
    for (const one of error.errors) {
      const origin = originOf(one);
      if (origin) return origin;
    }
  }
  return error instanceof Error && error.cause !== undefined ? originOf(error.cause) : undefined;
}
