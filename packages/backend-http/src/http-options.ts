import { BackendError, type OpenOptions } from "@instar/backend";
import type { HttpTarget, RangeEngineOptions, Transport } from "./engine/index.js";
import { type HttpLocation } from "./location.js";

/** Headers, or what gives them for each request: a token may have to be fresh. */
export type HttpHeadersOption =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** How the transport connects that is made where none is handed in. */
export interface ConnectionOptions {
  /** Certificates in PEM to trust instead of the usual ones. In Node. */
  readonly ca?: string | undefined;
  /**
   * How many connections to open at once, where reads side by side are soon to follow. Defaults to 1, and more are opened
   * as requests need them. In Node; elsewhere it means nothing.
   */
  readonly connections?: number | undefined;
}

/** What this package takes beyond the options of every backend. */
export interface HttpOptions extends RangeEngineOptions, ConnectionOptions {
  /** Sent with each request, to the origin of the URL only: `Authorization`, cookies and the like. */
  readonly headers?: HttpHeadersOption | undefined;
  /** Most redirects in a row that are followed. Defaults to 5. */
  readonly redirects?: number | undefined;
  /** What sends the requests. It stays the caller's to close. Defaults to `nodeTransport` in Node, `fetch` elsewhere. */
  readonly transport?: Transport | undefined;
}

/** How to open a URL. */
export interface HttpOpenOptions extends OpenOptions, HttpOptions {}

/** The target that a location and headers make. */
export function targetOf({ name, url, authorization }: HttpLocation, headers: HttpHeadersOption = {}): HttpTarget {
  const signed: Readonly<Record<string, string>> = authorization === undefined ? {} : { authorization };
  const add = (own: Readonly<Record<string, string>>) => ({ ...signed, ...checked(name, own) });
  if (typeof headers !== "function") {
    const own = add(headers);
    return { name, prepare: (method, plain) => ({ method, url, headers: { ...own, ...plain } }) };
  }
  return {
    name,
    prepare: async (method, plain) => ({ method, url, headers: { ...add(await headers()), ...plain } }),
  };
}

/** Headers by name in lower case. What is wrong with one is said without its value. */
function checked(name: string, headers: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
      throw new BackendError("ERR_UNSUPPORTED", `${name}: ${JSON.stringify(header)} cannot be the name of a header`);
    }
    // oxlint-disable-next-line no-control-regex
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new BackendError("ERR_UNSUPPORTED", `${name}: the value of the header ${header} holds what no header can`);
    }
    found[header.toLowerCase()] = value;
  }
  return found;
}
