import type { Answer } from "@instar/backend-http/engine";
import { firstPart, MultipartUpload } from "./multipart-upload.js";
import { probePrefix } from "./probe-conditions.js";
import { errorCodeOf } from "./s3-errors.js";
import type { S3Store, StoreRequest } from "./store.js";
import { elements, textOf } from "./xml.js";

/**
 * How long ago the last part of an upload of ours must have come for its writer to be dead, in milliseconds: one that
 * lives sends the next, or gives up and ends the upload, much sooner.
 */
const stale = 3_600_000;
/** The same for an upload without parts, of which nobody can tell whose it is. */
const staleEmpty = 86_400_000;

/**
 * Ends the uploads of this object that writers of this package left behind when they died. Those of other programs, and
 * those whose writer may live, are let be. Ages go by the clock of the store. Who may write but not list cannot do it, and
 * writes all the same.
 *
 * @param age - how old in milliseconds such an upload must be; by default an hour, or a day where it has no parts.
 * @throws {@link BackendError} `ERR_NOT_FOUND` where there is no such bucket, so that nothing can be written either.
 */
export async function endStaleUploads(store: S3Store, age?: number): Promise<void> {
  const { key, bucketPath } = store.address;
  const query = [
    ["prefix", key],
    ["uploads", ""],
  ] as const;
  const request: StoreRequest = { method: "GET", path: bucketPath, query, headers: {}, bodyLimit: 2 ** 21 };
  const answer = await store.ask(request).catch(() => undefined);
  if (!answer) return;
  if (errorCodeOf(answer.body) === "NoSuchBucket") store.demandSuccess(answer);
  for (const upload of elements(answer.body, "Upload")) {
    const name = textOf(upload, "Key") ?? "";
    if (name !== key && !name.startsWith(probePrefix(key))) continue;
    await endStale(store, answer, upload, age).catch(() => undefined);
  }
}

async function endStale(store: S3Store, answer: Answer, found: string, age: number | undefined): Promise<void> {
  const id = textOf(found, "UploadId");
  const now = Date.parse(String(answer.headers["date"]));
  const began = Date.parse(textOf(found, "Initiated") ?? "");
  if (id === undefined || !(now - began >= (age ?? stale))) return;
  const upload = MultipartUpload.existing(store, id, textOf(found, "Key"));
  const { numbers, latest } = await upload.parts();
  const empty = numbers.length === 0;
  const ours = empty || Math.min(...numbers) >= firstPart;
  if (ours && now - Math.max(began, latest) >= (age ?? (empty ? staleEmpty : stale))) await upload.abort();
}
