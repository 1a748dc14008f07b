/** What a request does: reading needs the first two, a service that also writes the others. */
export type HttpMethod = "GET" | "HEAD" | "PUT" | "POST" | "DELETE";

/** One HTTP request. */
export interface HttpRequest {
  readonly method: HttpMethod;
  /** Absolute; without userinfo and fragment. */
  readonly url: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with its length. Must stay as it is until the exchange is over. */
  readonly body?: Uint8Array | undefined;
}

/** Headers of an answer by name in lower case; a list where a header came several times. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What happens to a request: `head` once, `data` any number of times, then `end`; or `fail` at any moment instead.
 * Nothing is called before `send` has returned, nor after `cancel`.
 */
export interface HttpReceiver {
  /** The answer has begun. */
  head(status: number, headers: HttpHeaders): void;
  /**
   * Memory that the next bytes of the body belong into. A transport may have them put there, as many as come, instead of
   * memory of its own; they go to `data` all the same, from there. It may be written to until `data` is called, and not
   * after a `cancel`. Is asked for between `head` and `end`; `undefined` where there is none, or not for one alone.
   */
  room?(): Uint8Array | undefined;
  /** A part of the body; the chunk is the transport's again when the call returns. */
  data(chunk: Uint8Array): void;
  /** The body is complete as far as the transport can tell. */
  end(): void;
  /** The exchange broke: no connection, a connection that was lost, an answer that is not HTTP. */
  fail(cause: unknown): void;
}

/** Something under way that can be called off. */
export interface Cancellable {
  /** Ends it. Harmless when it has ended. */
  cancel(): void;
}

/**
 * Sends HTTP requests. It follows no redirects, retries nothing, sets no time limits and decodes no content: those are
 * the business of whoever uses it.
 */
export interface Transport {
  /** Begins a request. Cancelling it ends the transfer of its body at once. */
  send(request: HttpRequest, receiver: HttpReceiver): Cancellable;
  /** Frees its connections. */
  close(): Promise<void>;
}
