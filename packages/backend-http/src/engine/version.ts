import { header } from "./headers.js";
import type { HttpHeaders } from "./transport.js";

/** Which version of an object was opened. */
export interface ObjectVersion {
  /** In bytes. */
  readonly size: number;
  /** With its quotes; it begins with `W/` when it is weak. */
  readonly etag: string | undefined;
  /** As the server wrote it. */
  readonly lastModified: string | undefined;
}

/** The version that an answer describes. */
export function versionOf(headers: HttpHeaders, size: number): ObjectVersion {
  return { size, etag: header(headers, "etag"), lastModified: header(headers, "last-modified") };
}

/**
 * The condition under which the server may answer (RFC 9110, section 13.1): `If-Match` with a strong ETag. A weak one
 * never matches there; what is left then is the date, with its resolution of a second.
 */
export function pinOf(version: ObjectVersion): Readonly<Record<string, string>> {
  const { etag, lastModified } = version;
  if (etag !== undefined && !etag.startsWith("W/")) return { "if-match": etag };
  return lastModified === undefined ? {} : { "if-unmodified-since": lastModified };
}

/** How an answer's version differs from the one that was opened; `undefined` when nothing shows a difference. */
export function differenceOf(
  version: ObjectVersion,
  headers: HttpHeaders,
  total: number | undefined,
): string | undefined {
  const found = versionOf(headers, total ?? version.size);
  if (found.size !== version.size) return `its size is ${found.size} now, and was ${version.size}`;
  if (version.etag !== undefined) {
    if (found.etag !== undefined) return found.etag === version.etag ? undefined : "its ETag is another one now";
  }
  if (version.lastModified === undefined || found.lastModified === undefined) return undefined;
  return found.lastModified === version.lastModified ? undefined : "its date of modification is another one now";
}
