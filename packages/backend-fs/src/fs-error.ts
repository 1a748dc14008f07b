import { BackendError, type BackendErrorCode } from "@instar/backend";

/** What the errno of a failed system call means here. What is not listed is `ERR_IO`. */
const codes: ReadonlyMap<string, BackendErrorCode> = new Map([
  ["ENOENT", "ERR_NOT_FOUND"],
  ["ENOTDIR", "ERR_NOT_FOUND"],
  ["EEXIST", "ERR_EXISTS"],
  ["EACCES", "ERR_PERMISSION"],
  ["EPERM", "ERR_PERMISSION"],
  ["EROFS", "ERR_READ_ONLY"],
  ["ENOSPC", "ERR_NO_SPACE"],
  ["EDQUOT", "ERR_NO_SPACE"],
  ["EFBIG", "ERR_NO_SPACE"],
  // A program that is being run, and a block device or swap file that the kernel uses itself.
  ["ETXTBSY", "ERR_LOCKED"],
  ["EBUSY", "ERR_LOCKED"],
  ["ESTALE", "ERR_CHANGED"],
  ["EISDIR", "ERR_UNSUPPORTED"],
  ["ENXIO", "ERR_UNSUPPORTED"],
  ["EOPNOTSUPP", "ERR_UNSUPPORTED"],
  ["ENOTSUP", "ERR_UNSUPPORTED"],
  ["ENAMETOOLONG", "ERR_UNSUPPORTED"],
]);

/** Shortages of the moment: the same call may succeed with nothing changed by the caller. */
const passing: ReadonlySet<string> = new Set(["EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ETIMEDOUT"]);

/** The errno of a failed system call, such as `ENOENT`; empty for anything else. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** The {@link BackendError} for a system call that failed: it names the path, the operation and the errno. */
export function fsError(name: string, operation: string, cause: unknown): BackendError {
  const errno = errnoOf(cause);
  // Node words it "ENOENT: no such file or directory, open '/a/b'"; path and call are said once, by us.
  const text = cause instanceof Error ? cause.message.replace(/^[A-Z0-9]+: /, "").replace(/, [a-z]+( .*)?$/s, "") : "";
  const message = `${name}: ${operation} failed: ${text || "unknown reason"}${errno ? ` (${errno})` : ""}`;
  return new BackendError(codes.get(errno) ?? "ERR_IO", message, { cause, retryable: passing.has(errno) });
}
