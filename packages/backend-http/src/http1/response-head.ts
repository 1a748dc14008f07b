import type { HttpHeaders } from "../engine/index.js";

/** The first lines of a response (RFC 9112, section 2.1). */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** Whether the sender speaks HTTP/1.1, and not only 1.0. */
  readonly modern: boolean;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Name and value of a field without a line break in it (RFC 9112, section 5). */
const field = /^([!#$%&'*+\-.^_`|~\w]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads a head, which is given without the empty line at its end.
 *
 * @throws `Error` where it is not one of HTTP/1.1.
 */
export function parseResponseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, status] = statusLine.exec(first) ?? [];
  if (status === undefined) throw new Error("what the server sends does not begin as an answer of HTTP/1.1");
  // A name such as __proto__ is a name like any other.
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines) {
    const [, name, value] = field.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error("the server sends a header field that is malformed");
    add(headers, name.toLowerCase(), value.trimEnd());
  }
  return { status: Number(status), headers, modern: minor === "1" };
}

function add(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (typeof before === "string") headers[name] = [before, value];
  else before.push(value);
}
