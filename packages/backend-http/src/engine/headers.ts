import type { HttpHeaders } from "./transport.js";

/** The value of a header, its name in lower case; the first one where it came several times. */
export function header(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** A `Content-Length` that makes sense (RFC 9110, section 8.6). */
export function contentLength(headers: HttpHeaders): number | undefined {
  const value = header(headers, "content-length");
  if (value === undefined || !/^\d+$/.test(value)) return undefined;
  const length = Number(value);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** The coding of a body that is not the bytes themselves, such as `gzip`. */
export function contentCoding(headers: HttpHeaders): string | undefined {
  const value = header(headers, "content-encoding")?.trim().toLowerCase();
  return value === "" || value === "identity" ? undefined : value;
}

/**
 * How long `Retry-After` asks to wait, in milliseconds (RFC 9110, section 10.2.3). A date is held against the `Date` of
 * the same answer, so that no clock of ours is needed.
 */
export function retryAfter(headers: HttpHeaders): number | undefined {
  const value = header(headers, "retry-after")?.trim();
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const wait = Date.parse(value) - Date.parse(header(headers, "date") ?? "");
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
