import { BackendError } from "@instar/backend";
import { parseContentRange } from "./content-range.js";
import { contentCoding, header, retryAfter } from "./headers.js";
import type { HttpClient } from "./http-client.js";
import { connectionError, refusalError } from "./http-errors.js";
import type { HttpTarget } from "./http-target.js";
import { sendPrepared } from "./prepare.js";
import type { RangeSink, RangeSource } from "./range-source.js";
import { SmallBody } from "./small-body.js";
import type { Cancellable, HttpHeaders, HttpReceiver } from "./transport.js";
import { differenceOf, type ObjectVersion, pinOf } from "./version.js";

/**
 * Ranges of one version of an object, by HTTP (RFC 9110, section 14). Nothing is believed: an answer that is not a 206
 * with the right `Content-Range` and the version that was opened gives no byte.
 */
export class HttpRangeSource implements RangeSource {
  readonly name: string;
  readonly #client: HttpClient;
  readonly #target: HttpTarget;
  readonly #version: ObjectVersion;
  readonly #pin: Readonly<Record<string, string>>;

  constructor(client: HttpClient, target: HttpTarget, version: ObjectVersion) {
    this.name = target.name;
    this.#client = client;
    this.#target = target;
    this.#version = version;
    this.#pin = pinOf(version);
  }

  fetch(offset: number, length: number, sink: RangeSink): Cancellable {
    const range = `bytes=${offset}-${offset + length - 1}`;
    const headers = { ...this.#pin, range, "accept-encoding": "identity" };
    const answer = new RangeAnswer(this.#target, this.#version, offset, length, sink);
    answer.begin(this.#client, headers);
    return answer;
  }
}

/** One request, and what is made of its answer. */
class RangeAnswer implements HttpReceiver, Cancellable {
  readonly #target: HttpTarget;
  readonly #version: ObjectVersion;
  readonly #offset: number;
  readonly #sink: RangeSink;
  /** Bytes that may still come. */
  #left: number;
  #request: Cancellable | undefined;
  #refused: { readonly status: number; readonly headers: HttpHeaders; readonly body: SmallBody } | undefined;

  constructor(target: HttpTarget, version: ObjectVersion, offset: number, length: number, sink: RangeSink) {
    this.#target = target;
    this.#version = version;
    this.#offset = offset;
    this.#left = length;
    this.#sink = sink;
  }

  begin(client: HttpClient, headers: Readonly<Record<string, string>>): void {
    this.#request = sendPrepared(client, this.#target, "GET", headers, this);
  }

  cancel(): void {
    this.#request?.cancel();
  }

  head(status: number, headers: HttpHeaders): void {
    if (status === 206) {
      const fault = this.#faultOf(headers);
      if (fault) return this.#fail(fault);
      return this.#sink.begin();
    }
    if (status >= 200 && status < 300) {
      const rule = `the server ignores Range (it answers ${status}, not 206), so that its parts cannot be read`;
      return this.#fail(new BackendError("ERR_UNSUPPORTED", `${this.#target.name}: ${rule}`));
    }
    this.#refused = { status, headers, body: new SmallBody() };
  }

  room(): Uint8Array | undefined {
    return this.#refused ? undefined : this.#sink.room?.()?.subarray(0, this.#left);
  }

  data(chunk: Uint8Array): void {
    if (this.#refused) {
      if (this.#refused.body.take(chunk)) return;
      return this.#conclude();
    }
    this.#left -= chunk.byteLength;
    if (this.#left >= 0) return this.#sink.data(chunk);
    this.#fail(new BackendError("ERR_IO", `${this.#target.name}: the server sends more than its Content-Range says`));
  }

  end(): void {
    if (this.#refused) return this.#conclude();
    this.#sink.end();
  }

  fail(cause: unknown): void {
    if (this.#refused) return this.#conclude();
    this.#fail(connectionError(this.#target.name, cause));
  }

  #faultOf(headers: HttpHeaders): BackendError | undefined {
    const { name } = this.#target;
    const coding = contentCoding(headers);
    if (coding !== undefined) {
      return new BackendError("ERR_UNSUPPORTED", `${name}: the server sends its ranges encoded (${coding})`);
    }
    const text = header(headers, "content-range");
    const found = parseContentRange(text);
    if (!found?.range) {
      const what = text === undefined ? "no Content-Range" : "a Content-Range that makes no sense";
      return new BackendError("ERR_IO", `${name}: the server answers 206 with ${what}`);
    }
    const difference = differenceOf(this.#version, headers, found.total);
    if (difference !== undefined) {
      return new BackendError("ERR_CHANGED", `${name}: the object was replaced: ${difference}`);
    }
    const { first, last } = found.range;
    const end = this.#offset + this.#left - 1;
    if (first !== this.#offset || last > end) {
      const asked = `bytes ${this.#offset}-${end}`;
      return new BackendError("ERR_IO", `${name}: the server answers ${asked} with bytes ${first}-${last}`);
    }
    // Fewer bytes than asked for are allowed; the rest is asked for by another request.
    this.#left = last - first + 1;
    return undefined;
  }

  /** What a refusal means, now that its body is there. */
  #conclude(): void {
    if (!this.#refused) return;
    const { status, headers, body } = this.#refused;
    this.#fail(refusalError(this.#target, { status, headers, body: body.text() }), retryAfter(headers));
  }

  #fail(error: BackendError, wait?: number): void {
    this.cancel();
    this.#sink.fail(error, wait);
  }
}
