import { type BackendErrorCode, isBackendError } from "@instar/backend";

/** The error numbers of NBD. */
export const ERRNO = {
  permission: 1,
  io: 5,
  invalid: 22,
  noSpace: 28,
  overflow: 75,
  unsupported: 95,
  shutdown: 108,
} as const;

/** A request that is refused, with its error number. */
export class RequestError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.errno = errno;
  }
}

const BY_CODE: Partial<Record<BackendErrorCode, number>> = {
  ERR_PERMISSION: ERRNO.permission,
  ERR_READ_ONLY: ERRNO.permission,
  ERR_RANGE: ERRNO.invalid,
  ERR_UNSUPPORTED: ERRNO.unsupported,
  ERR_CLOSED: ERRNO.shutdown,
  ERR_NO_SPACE: ERRNO.noSpace,
};

/** The error number that tells a client of a failure. */
export function errnoOf(error: unknown): number {
  if (error instanceof RequestError) return error.errno;
  return (isBackendError(error) ? BY_CODE[error.code] : undefined) ?? ERRNO.io;
}
