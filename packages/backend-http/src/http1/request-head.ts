import type { HttpRequest } from "../engine/index.js";

const pathAndQuery = /^\/[!-~]*$/;
const fieldName = /^[!#$%&'*+\-.^_`|~\w]+$/;
// oxlint-disable-next-line no-control-regex
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What decides where a message ends is said by nobody else. */
const framing: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "upgrade", "te"]);

/** Where the path of an absolute URL begins. */
export function pathStart(url: string): number {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? url.length : slash;
}

/**
 * The first lines of a request, with the empty one that ends them (RFC 9112, section 2.1).
 *
 * @throws `TypeError` for what would be read as something other than it is.
 */
export function requestHead({ method, url, headers, body }: HttpRequest): string {
  const at = pathStart(url);
  const path = url.slice(at) || "/";
  if (!pathAndQuery.test(path)) throw new TypeError("the URL holds what should be percent-encoded");
  let head = `${method} ${path} HTTP/1.1\r\n`;
  if (headers["host"] === undefined) head += field("host", url.slice(url.indexOf("://") + 3, at));
  for (const name in headers) {
    if (framing.has(name)) throw new TypeError(`the header ${name} is not the caller's to set`);
    head += field(name, headers[name] ?? "");
  }
  // For these methods a server may wait for a body where none is announced.
  if (body || method === "PUT" || method === "POST") head += field("content-length", String(body?.byteLength ?? 0));
  return `${head}\r\n`;
}

function field(name: string, value: string): string {
  if (!fieldName.test(name)) throw new TypeError("a header has a name that is none");
  // The value stays unsaid: it may be a secret.
  if (!fieldValue.test(value)) throw new TypeError(`the header ${name} has a value that no header can have`);
  return `${name}: ${value}\r\n`;
}
