/** Why a cache refused or failed. */
export type CacheErrorCode =
  | "ERR_ALL_PINNED"
  | "ERR_PINNED"
  | "ERR_RELEASED"
  | "ERR_WRITE_BACK"
  | "ERR_SYNC"
  | "ERR_DEPENDENCY"
  | "ERR_ARGUMENT";

/** Fields of a {@link CacheError}. */
export interface CacheErrorInit {
  /** What went wrong underneath; an `AggregateError` where several things did. */
  readonly cause?: unknown;
  /** The keys it is about. */
  readonly keys?: readonly unknown[];
}

/**
 * A failure of the cache itself. A failing load is not wrapped: its error reaches the caller as it is.
 *
 * - `ERR_ALL_PINNED`: a strict cache is full and everything in it is pinned.
 * - `ERR_PINNED`: an entry (`keys`) could not be replaced or invalidated because somebody holds it.
 * - `ERR_RELEASED`: a lease was used after its release.
 * - `ERR_WRITE_BACK`: storing `keys` failed (`cause`); they stay in the cache, dirty.
 * - `ERR_SYNC`: storage failed to make the stores durable; what they wrote counts as not durable.
 * - `ERR_DEPENDENCY`: what had to be written first could not be (`cause`).
 * - `ERR_ARGUMENT`: an option is out of its range.
 */
export class CacheError extends Error {
  /** Why, for programs. */
  readonly code: CacheErrorCode;
  /** The keys it is about; empty where it is about none. */
  readonly keys: readonly unknown[];

  constructor(code: CacheErrorCode, message: string, init: CacheErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "CacheError";
    this.code = code;
    this.keys = init.keys ?? [];
  }
}

/** Tells a {@link CacheError}, from whichever copy of this package, optionally of one code. */
export function isCacheError(error: unknown, code?: CacheErrorCode): error is CacheError {
  if (!(error instanceof Error) || error.name !== "CacheError" || !("code" in error)) return false;
  return code === undefined ? typeof error.code === "string" : error.code === code;
}
