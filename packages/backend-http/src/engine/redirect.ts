import { BackendError } from "@instar/backend";
import type { HttpRequest } from "./transport.js";

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What every server may see of a request. */
const plainHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "if-match",
  "if-unmodified-since",
  "range",
  "user-agent",
]);

/** Whether a status is that of a redirect (RFC 9110, section 15.4). */
export function isRedirect(status: number): boolean {
  return statuses.has(status);
}

/** Whether a request changes nothing. What changes something is meant for the server it was made for, and no other. */
export function isReading({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a request says nothing that is meant for one server alone. */
export function isPlain(request: HttpRequest): boolean {
  return isReading(request) && Object.keys(request.headers).every((name) => plainHeaders.has(name));
}

/**
 * The request that follows a redirect, the `hops`-th in a row. At another origin it takes along nothing but the plain
 * headers.
 *
 * @throws {@link BackendError} `ERR_IO` for one redirect too many or one to nowhere; `ERR_UNSUPPORTED` when it leads
 * away from HTTP, or from `https:` to `http:`.
 */
export function redirected(
  name: string,
  most: number,
  request: HttpRequest,
  current: string,
  location: string,
  hops: number,
): HttpRequest {
  if (hops > most) throw new BackendError("ERR_IO", `${name}: the server redirects more than ${most} times`);
  if (!URL.canParse(location, current)) {
    throw new BackendError("ERR_IO", `${name}: the server redirects to what is not a URL`);
  }
  const target = new URL(location, current);
  target.username = "";
  target.password = "";
  target.hash = "";
  if (target.protocol !== "https:" && target.protocol !== "http:") {
    throw new BackendError("ERR_UNSUPPORTED", `${name}: the server redirects to a ${target.protocol} URL`);
  }
  if (target.protocol === "http:" && new URL(current).protocol === "https:") {
    throw new BackendError(
      "ERR_UNSUPPORTED",
      `${name}: the server redirects from https: to http:, which is not followed`,
    );
  }
  const home = target.origin === new URL(request.url).origin;
  const headers = Object.entries(request.headers).filter(([header]) => home || plainHeaders.has(header));
  return { ...request, url: target.href, headers: Object.fromEntries(headers) };
}
