import type { BackendError } from "@instar/backend";
import type { Cancellable } from "./transport.js";

/** Takes the answer to one request for a range. After `end`, `fail` or a `cancel` nothing more is called. */
export interface RangeSink {
  /** The answer has begun, and it is the right one: bytes of the range, of the version that was opened. */
  begin(): void;
  /** Memory that the next bytes of the range belong into, as `HttpReceiver` has it. */
  room?(): Uint8Array | undefined;
  /** The next bytes of the range; the chunk is the source's again when the call returns. */
  data(chunk: Uint8Array): void;
  /** The answer is over. Where it was shorter than the range, the rest is asked for anew. */
  end(): void;
  /** The request failed. Where the error is `retryable` it is tried again, after `retryAfter` milliseconds at least. */
  fail(error: BackendError, retryAfter?: number): void;
}

/** Where ranges of bytes come from, one request each. It retries nothing itself. */
export interface RangeSource {
  /** What it is, for messages; never with a secret in it. */
  readonly name: string;
  /** Begins one request. Calls nothing on `sink` before it has returned. */
  fetch(offset: number, length: number, sink: RangeSink): Cancellable;
}
