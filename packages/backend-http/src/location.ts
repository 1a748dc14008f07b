import { BackendError } from "@instar/backend";
import { redactedUrl } from "./engine/index.js";

/** A URL taken apart into what is asked for, what messages may show, and who asks. */
export interface HttpLocation {
  /** Without userinfo and fragment. */
  readonly url: string;
  /** Without the query too. */
  readonly name: string;
  /** The `Authorization` that the userinfo stands for (RFC 7617). */
  readonly authorization: string | undefined;
}

/** @throws {@link BackendError} `ERR_UNSUPPORTED` for what is not a well-formed `http:` or `https:` URL. */
export function parseLocation(location: string): HttpLocation {
  // The location itself stays out of the message, and out of a cause: it may hold a secret anywhere.
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new BackendError("ERR_UNSUPPORTED", "the location is not a well-formed http: or https: URL");
  }
  const name = redactedUrl(url);
  const authorization = url.username || url.password ? basic(name, url.username, url.password) : undefined;
  url.username = "";
  url.password = "";
  url.hash = "";
  return { url: url.href, name, authorization };
}

function basic(name: string, username: string, password: string): string {
  try {
    const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
  } catch {
    throw new BackendError("ERR_UNSUPPORTED", `${name}: user name or password are not well percent-encoded`);
  }
}
