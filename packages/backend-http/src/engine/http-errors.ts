import { BackendError, type BackendErrorCode, isBackendError } from "@instar/backend";
import type { HttpTarget, Refusal } from "./http-target.js";

/** What a status means here (RFC 9110, section 15). What is not listed is `ERR_IO`. */
const codes: ReadonlyMap<number, BackendErrorCode> = new Map([
  [401, "ERR_PERMISSION"],
  [402, "ERR_PERMISSION"],
  [403, "ERR_PERMISSION"],
  [404, "ERR_NOT_FOUND"],
  [405, "ERR_UNSUPPORTED"],
  [407, "ERR_PERMISSION"],
  [410, "ERR_NOT_FOUND"],
  [412, "ERR_CHANGED"],
  [416, "ERR_CHANGED"],
  [423, "ERR_LOCKED"],
  [451, "ERR_PERMISSION"],
  [501, "ERR_UNSUPPORTED"],
  [505, "ERR_UNSUPPORTED"],
]);

const meanings: ReadonlyMap<number, string> = new Map([
  [401, "credentials are missing or wrong"],
  [403, "access is denied"],
  [404, "there is nothing"],
  [412, "it is not the version that was opened"],
  [416, "it is shorter than when it was opened"],
  [429, "too many requests"],
  [503, "the server is overloaded"],
]);

/** The error for an answer that is not a success: what the target makes of it, or what its status means. */
export function refusalError(target: HttpTarget, refusal: Refusal): BackendError {
  return target.refusal?.(refusal) ?? statusError(target.name, refusal.status);
}

/** What a status means here by itself. */
export function statusError(name: string, status: number): BackendError {
  const code = codes.get(status) ?? "ERR_IO";
  const meaning = meanings.get(status) ?? (status >= 300 && status < 400 ? "a redirect that is not followed" : "");
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  const message = `${name}: the server answers ${status}${meaning && `: ${meaning}`}`;
  return new BackendError(code, message, { retryable: passing && code === "ERR_IO" });
}

/** What is no better a moment later: a name that does not exist, a certificate that is not trusted. */
const lasting = /^(?:ENOTFOUND$|CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO$)/;

/** The error for an exchange that broke. */
export function connectionError(name: string, cause: unknown): BackendError {
  if (isBackendError(cause)) return cause;
  const code = codeOf(cause);
  const text = cause instanceof Error ? (tlsReason(cause) ?? cause.message) : "unknown reason";
  const message = `${name}: the connection failed: ${text || code}`;
  return new BackendError("ERR_IO", message, { cause, retryable: !lasting.test(code) });
}

/** What OpenSSL says is wrong, without its places in source files. */
function tlsReason(cause: Error): string | undefined {
  return "library" in cause && "reason" in cause ? `TLS: ${String(cause.reason)}` : undefined;
}

/** Whether nobody listens at all, as opposed to a connection that was lost. */
export function isUnreachable(error: BackendError): boolean {
  return codeOf(error.cause) === "ECONNREFUSED";
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  return codeOf(cause.cause);
}
