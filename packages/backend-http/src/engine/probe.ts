import { BackendError } from "@instar/backend";
import { type Answer, ask, type Question } from "./ask.js";
import { parseContentRange } from "./content-range.js";
import { contentCoding, contentLength, header } from "./headers.js";
import type { HttpClient } from "./http-client.js";
import { refusalError } from "./http-errors.js";
import type { HttpTarget } from "./http-target.js";
import { engineSettings, type RangeEngineOptions } from "./options.js";
import { type ObjectVersion, versionOf } from "./version.js";

/** Refusals of a HEAD that say nothing about a GET: a presigned URL is signed for its method. */
const headRefused: ReadonlySet<number> = new Set([400, 401, 403, 405, 501]);

/**
 * The size and version of an object: by HEAD, and by a GET of its first byte where the server refuses the HEAD, does not
 * tell the size, or does not say that it serves ranges. Tried again as reads are.
 *
 * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, `ERR_UNSUPPORTED` (no ranges, no size) or `ERR_IO`;
 * the reason of the signal when it is aborted.
 */
export async function probe(
  client: HttpClient,
  target: HttpTarget,
  options?: RangeEngineOptions,
  signal?: AbortSignal,
): Promise<ObjectVersion> {
  const settings = engineSettings(options);
  const headers = { "accept-encoding": "identity" };
  const question: Question = { client, target, method: "HEAD", headers, settings, signal };
  const head = await ask(question);
  if (head.status === 200) {
    const size = contentCoding(head.headers) === undefined ? contentLength(head.headers) : undefined;
    const ranges = header(head.headers, "accept-ranges")?.trim().toLowerCase() === "bytes";
    if (size !== undefined && (ranges || size === 0)) return versionOf(head.headers, size);
  } else if (head.status >= 300 && !headRefused.has(head.status)) {
    throw refusalError(target, head);
  }
  const answer = await ask({ ...question, method: "GET", headers: { ...headers, range: "bytes=0-0" } });
  return versionOf(answer.headers, sizeOf(target, answer));
}

/** The size that the answer to a request for the first byte tells. */
function sizeOf(target: HttpTarget, answer: Answer): number {
  const { status, headers } = answer;
  const found = parseContentRange(header(headers, "content-range"));
  // Nothing has no first byte.
  if (status === 416 && found?.total === 0) return 0;
  if (status === 200 && contentLength(headers) === 0) return 0;
  if (status === 200) {
    const rule = "the server ignores Range (it answers 200, not 206), so that parts of it cannot be read";
    throw new BackendError("ERR_UNSUPPORTED", `${target.name}: ${rule}`);
  }
  if (status === 416) throw new BackendError("ERR_UNSUPPORTED", `${target.name}: the server refuses ranges`);
  if (status !== 206) throw refusalError(target, answer);
  const coding = contentCoding(headers);
  if (coding !== undefined) {
    throw new BackendError("ERR_UNSUPPORTED", `${target.name}: the server sends its ranges encoded (${coding})`);
  }
  if (found?.range?.first !== 0 || found.range.last !== 0) {
    const message = `${target.name}: the server answers 206 with a Content-Range that was not asked for, or with none`;
    throw new BackendError("ERR_IO", message);
  }
  if (found.total !== undefined) return found.total;
  throw new BackendError("ERR_UNSUPPORTED", `${target.name}: the server does not tell its size`);
}
