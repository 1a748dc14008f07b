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

/** An object as it is found. */
export interface Probed {
  readonly version: ObjectVersion;
  /** Its first bytes, as far as they have come along. */
  readonly beginning: Uint8Array;
}

/**
 * The version and size of an object, and its beginning: by one GET of `firstRead` bytes, and by a HEAD where the answer to
 * that does not tell. With `firstRead` 0 the other way round: by HEAD, and by a GET of the first byte where the server
 * refuses the HEAD, does not tell the size, or does not say that it serves ranges. Tried again as reads are.
 *
 * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, `ERR_UNSUPPORTED` (no ranges, no size) or `ERR_IO`;
 * the reason of the signal when it is aborted.
 */
export async function probe(
  client: HttpClient,
  target: HttpTarget,
  options?: RangeEngineOptions,
  signal?: AbortSignal,
): Promise<Probed> {
  const settings = engineSettings(options);
  const headers = { "accept-encoding": "identity" };
  const question: Question = { client, target, method: "HEAD", headers, settings, signal };
  if (settings.firstRead === 0) {
    const head = await versionByHead(question);
    if (head?.ranges || head?.version.size === 0) return { version: head.version, beginning: new Uint8Array(0) };
  }
  const sink = new Uint8Array(Math.max(1, settings.firstRead));
  const range = `bytes=0-${sink.byteLength - 1}`;
  const answer = await ask({ ...question, method: "GET", headers: { ...headers, range }, sink });
  const size = sizeOf(target, answer, sink.byteLength);
  if (size === undefined || (size === 0 && header(answer.headers, "etag") === undefined)) {
    return { version: await versionWithoutRange(question, answer, size), beginning: new Uint8Array(0) };
  }
  return { version: versionOf(answer.headers, size), beginning: beginningOf(sink, answer) };
}

/** What a HEAD tells; `undefined` where it is refused, or does not tell the size. */
async function versionByHead(
  question: Question,
): Promise<{ readonly version: ObjectVersion; readonly ranges: boolean } | undefined> {
  const head = await ask(question);
  if (head.status >= 300 && !headRefused.has(head.status)) throw refusalError(question.target, head);
  if (head.status !== 200 || contentCoding(head.headers) !== undefined) return undefined;
  const size = contentLength(head.headers);
  if (size === undefined) return undefined;
  const ranges = header(head.headers, "accept-ranges")?.trim().toLowerCase() === "bytes";
  return { version: versionOf(head.headers, size), ranges };
}

/** The version where the answer to a GET does not tell all of it: nothing has no first byte, and some keep its ETag back. */
async function versionWithoutRange(
  question: Question,
  answer: Answer,
  size: number | undefined,
): Promise<ObjectVersion> {
  const head = await versionByHead(question);
  const { name } = question.target;
  if (head && (answer.status === 206 || head.version.size === 0)) return head.version;
  if (size !== undefined) return versionOf(answer.headers, size);
  const rule = answer.status === 416 ? "the server refuses ranges" : "the server does not tell its size";
  throw new BackendError("ERR_UNSUPPORTED", `${name}: ${rule}`);
}

/** The size that the answer to a request for the first `asked` bytes tells; `undefined` where another has to tell it. */
function sizeOf(target: HttpTarget, answer: Answer, asked: number): number | undefined {
  const { status, headers } = answer;
  const found = parseContentRange(header(headers, "content-range"));
  if (status === 416) return found?.total === 0 ? 0 : undefined;
  if (status === 200 && contentLength(headers) === 0) return 0;
  if (status === 200) {
    const rule = "the server ignores Range (it answers 200, not 206), so that parts of it cannot be read";
    throw new BackendError("ERR_UNSUPPORTED", `${target.name}: ${rule}`);
  }
  if (status !== 206) throw refusalError(target, answer);
  const coding = contentCoding(headers);
  if (coding !== undefined) {
    throw new BackendError("ERR_UNSUPPORTED", `${target.name}: the server sends its ranges encoded (${coding})`);
  }
  if (found?.range?.first !== 0 || found.range.last >= asked) {
    const message = `${target.name}: the server answers 206 with a Content-Range that was not asked for, or with none`;
    throw new BackendError("ERR_IO", message);
  }
  if (answer.received > found.range.last + 1) {
    throw new BackendError("ERR_IO", `${target.name}: the server sends more than its Content-Range says`);
  }
  return found.total;
}

/** What has come; without the memory of what has not. */
function beginningOf(sink: Uint8Array, { received }: Answer): Uint8Array {
  return received === sink.byteLength ? sink : sink.slice(0, received);
}
