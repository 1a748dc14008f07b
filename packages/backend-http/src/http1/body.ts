import type { HttpMethod } from "../engine/index.js";
import { ChunkedBody } from "./chunked-body.js";
import type { ResponseHead } from "./response-head.js";

/** The body of a response: finds its bytes, and its end. */
export interface Body {
  /** Whether all of it has come. */
  readonly complete: boolean;
  /** Whether it ends with the connection. */
  readonly untilClose: boolean;
  /** How many bytes that come next belong to what is sent, and are no framing. */
  readonly plain: number;
  /**
   * Takes bytes of the connection, hands those of the body to `data`, and returns how many belonged to it.
   *
   * @throws `Error` for what is no such body.
   */
  take(bytes: Uint8Array, data: (bytes: Uint8Array) => void): number;
}

/**
 * How the body of the response to a request is framed (RFC 9112, section 6.3).
 *
 * @throws `Error` where the head leaves it in doubt.
 */
export function bodyOf(method: HttpMethod, { status, headers, modern }: ResponseHead): Body {
  if (method === "HEAD" || status === 204 || status === 304) return new SizedBody(0);
  const [coding, length] = [list(headers["transfer-encoding"]), list(headers["content-length"])];
  if (coding.length > 0) {
    // Who sends both, or what 1.0 does not know, may mean to have two readers see two things.
    if (length.length > 0 || !modern) throw new Error("the server frames its answer in two ways");
    if (coding.length > 1 || coding[0]?.toLowerCase() !== "chunked") {
      throw new Error(`the server sends a transfer coding that was not asked for: ${coding.join(", ")}`);
    }
    return new ChunkedBody();
  }
  const [first] = length;
  if (first === undefined) return new EndlessBody();
  const bytes = Number(first);
  if (!/^\d+$/.test(first) || !Number.isSafeInteger(bytes) || length.some((other) => other !== first)) {
    throw new Error("the server sends a Content-Length that makes no sense");
  }
  return new SizedBody(bytes);
}

/** The members of a field that holds a list (RFC 9110, section 5.6.1). */
export function list(value: string | readonly string[] | undefined): string[] {
  if (value === undefined) return [];
  const all = typeof value === "string" ? value : value.join(",");
  return all.split(",").map((member) => member.trim());
}

class SizedBody implements Body {
  readonly untilClose = false;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get complete(): boolean {
    return this.#left === 0;
  }

  get plain(): number {
    return this.#left;
  }

  take(bytes: Uint8Array, data: (bytes: Uint8Array) => void): number {
    const own = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
    this.#left -= own.length;
    data(own);
    return own.length;
  }
}

class EndlessBody implements Body {
  readonly untilClose = true;
  readonly plain = Infinity;
  readonly complete = false;

  take(bytes: Uint8Array, data: (bytes: Uint8Array) => void): number {
    data(bytes);
    return bytes.length;
  }
}
