import { BackendError } from "@instar/backend";
import type { HttpHeaders } from "@instar/backend-http/engine";
import type { S3Store } from "./store.js";

/** Metadata by which a version tells which publication made it: an answer that got lost can be made up for. */
export const publicationHeader = "x-amz-meta-instar-publication";

/** What a version hands on to the next. */
const handedOn = /^(?:content-type|content-disposition|content-language|cache-control|expires|x-amz-meta-.+)$/;

/** What stands in the place of an object at a moment. */
export interface ObjectState {
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
  /** Token of the publication that made it, if it was one of this package. */
  readonly publication: string | undefined;
  /** Headers that the next version is to have. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Looks at an object; `undefined` when there is none.
 *
 * @throws {@link BackendError} `ERR_UNSUPPORTED` when the store tells no strong ETag, without which nothing can be
 * published safely.
 */
export async function lookAt(store: S3Store): Promise<ObjectState | undefined> {
  const answer = await store.ask({ method: "HEAD", path: store.address.path(), headers: {} });
  if (answer.status === 404) return undefined;
  const { headers } = store.demandSuccess(answer);
  return {
    etag: strongEtag(store.name, headers["etag"]),
    size: Number(textHeader(headers, "content-length")),
    publication: textHeader(headers, publicationHeader),
    headers: kept(headers),
  };
}

/** @throws {@link BackendError} `ERR_UNSUPPORTED` for an ETag that is missing or weak. */
export function strongEtag(name: string, etag: string | readonly string[] | undefined): string {
  if (typeof etag === "string" && !etag.startsWith("W/")) return etag;
  throw new BackendError("ERR_UNSUPPORTED", `${name}: the store tells no strong ETag, so that it cannot be written to`);
}

function kept(headers: HttpHeaders): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && handedOn.test(name) && name !== publicationHeader) found[name] = value;
  }
  return found;
}

function textHeader(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
