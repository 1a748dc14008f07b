/** Why a backend failed. Missing is not forbidden: a failure of one kind never wears the code of another. */
export type BackendErrorCode =
  | "ERR_NOT_FOUND"
  | "ERR_EXISTS"
  | "ERR_PERMISSION"
  | "ERR_RANGE"
  | "ERR_CHANGED"
  | "ERR_READ_ONLY"
  | "ERR_UNSUPPORTED"
  | "ERR_CLOSED"
  | "ERR_IO"
  | "ERR_LOCKED"
  | "ERR_NO_SPACE";

/** Fields of a {@link BackendError}. */
export interface BackendErrorInit {
  /** What went wrong underneath. */
  readonly cause?: unknown;
  /** The same call may succeed later with nothing else changed. Defaults to `false`. */
  readonly retryable?: boolean;
}

/**
 * Every failure of a backend.
 *
 * Check it with {@link isBackendError}: packages of different versions may each have their own copy of the class.
 */
export class BackendError extends Error {
  /** Why, for programs. */
  readonly code: BackendErrorCode;
  /** Whether the same call may succeed later with nothing else changed. */
  readonly retryable: boolean;

  constructor(code: BackendErrorCode, message: string, init: BackendErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "BackendError";
    this.code = code;
    this.retryable = init.retryable ?? false;
  }
}

/** Tells a {@link BackendError}, from whichever copy of this package, optionally of one code. */
export function isBackendError(error: unknown, code?: BackendErrorCode): error is BackendError {
  if (!(error instanceof Error) || error.name !== "BackendError") return false;
  if (!("code" in error) || typeof error.code !== "string") return false;
  return code === undefined || error.code === code;
}
