import { BackendError } from "@instar/backend";
import type { Answer } from "@instar/backend-http/engine";
import type { ObjectState } from "./object-state.js";
import type { ByteRange } from "./publish-plan.js";
import { errorCodeOf } from "./s3-errors.js";
import type { S3Store, StoreRequest } from "./store.js";
import { elements, escaped, textOf } from "./xml.js";

/**
 * Number of our first part. Others begin with 1: by this an upload of ours is told from theirs when nobody is there to
 * end it any more, since a store shows nothing else of an upload that its owner could choose.
 */
export const firstPart = 501;
/** Most parts of an upload of ours; numbers end at 10,000. */
export const mostParts: number = 10_000 - firstPart + 1;

/** Longest that a store may take to copy a part, or to put parts together, in milliseconds. */
const patience = 600_000;
const answerLimit = 2 ** 20;

/** A part that the store has. */
export interface StoredPart {
  readonly index: number;
  readonly etag: string;
}

/** A multipart upload: a new version in the making, which nobody sees until it is completed. */
export class MultipartUpload {
  readonly #store: S3Store;
  readonly #path: string;
  readonly #id: string;
  readonly #signal: AbortSignal | undefined;

  private constructor(store: S3Store, path: string, id: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#path = path;
    this.#id = id;
    this.#signal = signal;
  }

  /** Begins an upload, by default of the object itself; `headers` are those of the object. */
  static async begin(
    store: S3Store,
    headers: Readonly<Record<string, string>>,
    how: { readonly key?: string; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<MultipartUpload> {
    const path = store.address.path(how.key);
    const { signal } = how;
    const request: StoreRequest = {
      method: "POST",
      path,
      query: [["uploads", ""]],
      headers,
      bodyLimit: answerLimit,
      signal,
    };
    const id = textOf(await store.success(request).then(({ body }) => body), "UploadId");
    if (id === undefined) throw new BackendError("ERR_IO", `${store.name}: the store begins an upload without an id`);
    return new MultipartUpload(store, path, id, signal);
  }

  /** An upload that somebody began, by default of the object itself. */
  static existing(store: S3Store, id: string, key?: string): MultipartUpload {
    return new MultipartUpload(store, store.address.path(key), id, undefined);
  }

  /** Sends a part, its index from 0. */
  async put(index: number, body: Uint8Array): Promise<StoredPart> {
    const { headers } = await this.#part(index, { headers: {}, body });
    return this.#stored(index, typeof headers["etag"] === "string" ? headers["etag"] : undefined);
  }

  /** Has the store copy a part from a version of the object. */
  async copy(index: number, { start, end }: ByteRange, { etag, size }: ObjectState): Promise<StoredPart> {
    const headers = {
      "x-amz-copy-source": this.#store.address.copySource,
      "x-amz-copy-source-if-match": etag,
      // Of 5 MiB and less a store copies all or nothing.
      ...(end - start < size && { "x-amz-copy-source-range": `bytes=${start}-${end - 1}` }),
    };
    const { body } = await this.#part(index, { headers, bodyLimit: answerLimit, patience });
    return this.#stored(index, textOf(body, "ETag"));
  }

  /** Puts the parts together, under a condition. The answer may be a refusal, also with a status of 200. */
  complete(parts: readonly StoredPart[], condition: Readonly<Record<string, string>>): Promise<Answer> {
    const listed = parts.map(
      ({ index, etag }) => `<Part><PartNumber>${firstPart + index}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
    );
    const xml = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
    return this.#store.ask({
      method: "POST",
      path: this.#path,
      query: this.#query,
      headers: { ...condition, "content-type": "application/xml" },
      body: new TextEncoder().encode(xml),
      bodyLimit: answerLimit,
      patience,
    });
  }

  /** Has the store forget it. One that is not there is none. */
  async abort(): Promise<void> {
    await this.#store.ask({ method: "DELETE", path: this.#path, query: this.#query, headers: {} });
  }

  /** The numbers of its parts, and when the last one came, as far as the store tells. */
  async parts(): Promise<{ readonly numbers: readonly number[]; readonly latest: number }> {
    const numbers: number[] = [];
    let latest = 0;
    for (let marker: string | undefined = "0"; marker !== undefined;) {
      const query = [...this.#query, ["part-number-marker", marker]] as const;
      const request: StoreRequest = { method: "GET", path: this.#path, query, headers: {}, bodyLimit: answerLimit };
      const { body }: Answer = await this.#store.success(request);
      for (const part of elements(body, "Part")) {
        numbers.push(Number(textOf(part, "PartNumber")));
        latest = Math.max(latest, Date.parse(textOf(part, "LastModified") ?? "") || 0);
      }
      const next: string | undefined = textOf(body, "NextPartNumberMarker");
      marker = textOf(body, "IsTruncated") === "true" && next !== marker ? next : undefined;
    }
    return { numbers, latest };
  }

  get #query(): NonNullable<StoreRequest["query"]> {
    return [["uploadId", this.#id]];
  }

  async #part(index: number, request: Omit<StoreRequest, "method" | "path">): Promise<Answer> {
    const query = [["partNumber", String(firstPart + index)], ...this.#query] as const;
    const answer = await this.#store.ask({ ...request, method: "PUT", path: this.#path, query, signal: this.#signal });
    if (errorCodeOf(answer.body) === "NoSuchUpload") {
      const message = `${this.#store.name}: the store has dropped the upload of the new version`;
      throw new BackendError("ERR_IO", message, { retryable: true });
    }
    return this.#store.demandSuccess(answer);
  }

  #stored(index: number, etag: string | undefined): StoredPart {
    if (etag !== undefined) return { index, etag };
    throw new BackendError("ERR_IO", `${this.#store.name}: the store takes a part without telling its ETag`);
  }
}
