import { isBackendError } from "@instar/backend";
import type { Answer } from "@instar/backend-http/engine";
import { type S3Conditions } from "./conditions.js";
import { MultipartUpload } from "./multipart-upload.js";
import type { S3Store, StoreRequest } from "./store.js";

/** An ETag that no object has. */
const nobody = '"00000000000000000000000000000000"';

/** What the keys begin with that are used to find out what a store honours, for an object. */
export function probePrefix(key: string): string {
  return `${key}.instar-probe-`;
}

/**
 * Finds out what conditions a store honours, by some ten requests for an object `KEY.instar-probe-TOKEN`, which is removed
 * in the end. A store that refuses to have it made honours nothing, as far as one can tell.
 */
export async function probeConditions(store: S3Store, token: string, signal?: AbortSignal): Promise<S3Conditions> {
  const key = probePrefix(store.address.key) + token;
  const path = store.address.path(key);
  const put = (headers: StoreRequest["headers"]): Promise<Answer> =>
    store.ask({ method: "PUT", path, headers, body: new TextEncoder().encode("instar"), signal });
  try {
    const made = await put({ "if-none-match": "*" });
    if (!isSuccess(made)) return { put: "none", complete: false };
    const etag = made.headers["etag"];
    if (!isRefusal(await put({ "if-none-match": "*" })) || typeof etag !== "string")
      return { put: "none", complete: false };
    const form = await formOf(put, etag);
    const complete = form !== "none" && (await honoursOnComplete(store, key, signal));
    return { put: form, complete };
  } finally {
    await store.ask({ method: "DELETE", path, headers: {} });
  }
}

async function formOf(
  put: (headers: StoreRequest["headers"]) => Promise<Answer>,
  etag: string,
): Promise<S3Conditions["put"]> {
  if (isSuccess(await put({ "if-match": etag }))) {
    return isRefusal(await put({ "if-match": nobody })) ? "quoted" : "none";
  }
  if (isSuccess(await put({ "if-match": etag.replaceAll('"', "") }))) return "unquoted";
  return "none";
}

async function honoursOnComplete(store: S3Store, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return await tryComplete(store, key, signal);
  } catch (error) {
    if (isBackendError(error, "ERR_PERMISSION") || isBackendError(error, "ERR_UNSUPPORTED")) return false;
    throw error;
  }
}

async function tryComplete(store: S3Store, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  const upload = await MultipartUpload.begin(store, {}, { key, signal });
  let answer: Answer | undefined;
  try {
    const part = await upload.put(0, new TextEncoder().encode("instar"));
    answer = await upload.complete([part], { "if-match": nobody });
    return isRefusal(answer);
  } finally {
    if (!answer || !isSuccess(answer)) await upload.abort();
  }
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** Whether the condition was the reason. */
function isRefusal({ status }: Answer): boolean {
  return status === 412;
}
