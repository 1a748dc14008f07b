import { BackendError, type BackendErrorCode } from "@instar/backend";
import { type Refusal, statusError } from "@instar/backend-http/engine";

interface Meaning {
  readonly code: BackendErrorCode;
  readonly text?: string;
  readonly retryable?: boolean;
}

const permission = (text: string): Meaning => ({ code: "ERR_PERMISSION", text });
const passing: Meaning = { code: "ERR_IO", retryable: true };

/** What the codes of error bodies mean here. Those that are not listed are judged by the status. */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["AccessDenied", permission("access is denied")],
  ["AccountProblem", permission("there is a problem with the account")],
  ["AllAccessDisabled", permission("access is disabled")],
  ["ExpiredToken", permission("the credentials have expired")],
  ["TokenRefreshRequired", permission("the credentials have expired")],
  ["InvalidAccessKeyId", permission("the access key is not known")],
  ["InvalidToken", permission("the session token is not valid")],
  ["SignatureDoesNotMatch", permission("the secret key is wrong")],
  ["InvalidObjectState", { code: "ERR_UNSUPPORTED", text: "the object is archived, and has to be restored first" }],
  ["NoSuchBucket", { code: "ERR_NOT_FOUND", text: "there is no such bucket" }],
  ["NoSuchKey", { code: "ERR_NOT_FOUND", text: "there is no such object" }],
  ["PreconditionFailed", { code: "ERR_CHANGED", text: "it is not the version that was opened" }],
  ["NotImplemented", { code: "ERR_UNSUPPORTED", text: "the store cannot do this" }],
  ["QuotaExceeded", { code: "ERR_NO_SPACE", text: "the quota is used up" }],
  ["EntityTooLarge", { code: "ERR_NO_SPACE", text: "the store takes no object or part so large" }],
  ["BadDigest", { ...passing, text: "the body was damaged on its way" }],
  ["XAmzContentSHA256Mismatch", { ...passing, text: "the body was damaged on its way" }],
  ["ConditionalRequestConflict", { ...passing, text: "another request changes the object" }],
  ["OperationAborted", { ...passing, text: "another request changes the object" }],
  ["InternalError", passing],
  ["RequestTimeout", passing],
  ["ServiceUnavailable", passing],
  ["SlowDown", { ...passing, text: "too many requests" }],
]);

/** Code of an error body, such as `NoSuchKey`; `undefined` where there is none. */
export function errorCodeOf(body: string): string | undefined {
  return /<Error[\s>][\s\S]*?<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(body)?.[1];
}

/**
 * The error for a refusal whose body has a code; `undefined` leaves it to its status. Of the body only the code is
 * shown: the rest is the server's to choose, and it has seen the signature.
 */
export function s3Error(name: string, refusal: Refusal): BackendError | undefined {
  const { status, body } = refusal;
  const found = errorCodeOf(body);
  if (found === undefined) return undefined;
  const meaning: Meaning = meanings.get(found) ?? statusError(name, status);
  const { code, text, retryable = false } = meaning;
  return new BackendError(code, `${name}: the store answers ${status} ${found}${text ? `: ${text}` : ""}`, {
    retryable,
  });
}
