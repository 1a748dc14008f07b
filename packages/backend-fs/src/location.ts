import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { BackendError } from "@instar/backend";

/**
 * The absolute path that a location stands for: a `file:` URL (RFC 8089), percent-decoded, or a path.
 *
 * @throws {@link BackendError} `ERR_UNSUPPORTED` for a URL that names another host, has a query or fragment, does not
 * give an absolute path or decodes to what no path can hold; `ERR_NOT_FOUND` for an empty path.
 */
export function pathOf(location: string): string {
  if (location === "") throw new BackendError("ERR_NOT_FOUND", "the path is empty");
  const path = /^file:/i.test(location) ? pathOfUrl(location) : location;
  if (path.includes("\0")) throw refusal(location, "a path cannot hold a NUL character");
  return resolve(path);
}

function pathOfUrl(location: string): string {
  // The URL standard reads file:disk.img as /disk.img, which is never what was meant.
  if (!/^file:\//i.test(location)) throw refusal(location, "a file: URL is absolute; give a relative path as it is");
  if (/[?#]/.test(location)) throw refusal(location, "in a file: URL, ? and # are written %3F and %23");
  try {
    const url = new URL(location);
    if (url.host !== "") throw refusal(location, `the file is on another host, ${url.host}`);
    return fileURLToPath(url);
  } catch (cause) {
    if (cause instanceof BackendError) throw cause;
    throw refusal(location, "it is not a well-formed file: URL", cause);
  }
}

function refusal(location: string, rule: string, cause?: unknown): BackendError {
  return new BackendError("ERR_UNSUPPORTED", `${JSON.stringify(location)}: ${rule}`, { cause });
}
