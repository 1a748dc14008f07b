import type { RangeCounters } from "./counters.js";
import { type ClientState, Exchange } from "./exchange.js";
import { integer } from "./number-option.js";
import type { Cancellable, HttpHeaders, HttpReceiver, HttpRequest, Transport } from "./transport.js";

/** How a client works. */
export interface HttpClientOptions {
  /** What messages call the object; without userinfo and query. */
  readonly name: string;
  /** Most redirects in a row that are followed. 0 hands redirects over as the refusals they are. Defaults to 5. */
  readonly redirects?: number | undefined;
  /** Whether to follow a redirect, by the headers of its answer. Defaults to all of them. */
  readonly follows?: ((headers: HttpHeaders) => boolean) | undefined;
  /** Where requests are counted. */
  readonly counters: RangeCounters;
}

/**
 * Sends the requests for one object, and follows redirects. What a request says beyond the plain HTTP of ranges
 * (credentials, cookies, headers of the caller's) goes to the origin it was made for, and to no other. Only a GET or a HEAD
 * is redirected.
 *
 * Where the last request ended up the next one for the same URL begins, until that place refuses it.
 */
export class HttpClient {
  readonly #state: ClientState;

  /** @throws {@link BackendError} `ERR_RANGE` when `redirects` is not an integer from 0. */
  constructor(transport: Transport, options: HttpClientOptions) {
    const { name, follows, counters } = options;
    const redirects = integer("redirects", options.redirects, 5, 0);
    this.#state = { transport, name, redirects, follows, counters, moved: undefined };
  }

  /** Begins a request. */
  send(request: HttpRequest, receiver: HttpReceiver): Cancellable {
    const exchange = new Exchange(this.#state, request, receiver);
    exchange.begin();
    return exchange;
  }
}
