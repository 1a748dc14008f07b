import type { RangeCounters } from "./counters.js";
import { header } from "./headers.js";
import { isReading, isRedirect, redirected } from "./redirect.js";
import { SmallBody } from "./small-body.js";
import type { Cancellable, HttpHeaders, HttpReceiver, HttpRequest, Transport } from "./transport.js";

/** What the exchanges of one client share. */
export interface ClientState {
  readonly transport: Transport;
  readonly name: string;
  /** Most redirects in a row. */
  readonly redirects: number;
  readonly follows: ((headers: HttpHeaders) => boolean) | undefined;
  readonly counters: RangeCounters;
  /** Where requests for a URL may begin, since the last one ended up there. */
  moved: { readonly from: string; readonly to: string } | undefined;
}

/** Refusals that a place found by an earlier redirect may owe to its age. */
const outdated: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);

/** One request and the hops it takes. */
export class Exchange implements HttpReceiver, Cancellable {
  readonly #client: ClientState;
  readonly #request: HttpRequest;
  readonly #receiver: HttpReceiver;
  #hop: Cancellable | undefined;
  #url: string;
  #hops = 0;
  /** Whether it began where an earlier one had ended up. */
  #shortcut = false;
  /** What is sent when the body of this answer is over. */
  #next: HttpRequest | undefined;
  #body = new SmallBody();

  constructor(client: ClientState, request: HttpRequest, receiver: HttpReceiver) {
    this.#client = client;
    this.#request = request;
    this.#receiver = receiver;
    this.#url = request.url;
  }

  /** Sends the first request. */
  begin(): void {
    const { moved } = this.#client;
    this.#shortcut = moved?.from === this.#request.url && isReading(this.#request);
    this.#send(moved && this.#shortcut ? this.#redirected(moved.to) : this.#request);
  }

  cancel(): void {
    this.#hop?.cancel();
  }

  head(status: number, headers: HttpHeaders): void {
    if (this.#shortcut && outdated.has(status)) {
      this.#shortcut = false;
      this.#client.moved = undefined;
      return this.#sendNext(this.#request);
    }
    const location = this.#follows(status, headers) ? header(headers, "location") : undefined;
    if (location === undefined) {
      if (this.#hops > 0 && status < 300) this.#client.moved = { from: this.#request.url, to: this.#url };
      return this.#receiver.head(status, headers);
    }
    try {
      this.#hops++;
      this.#sendNext(this.#redirected(location));
    } catch (error) {
      this.cancel();
      this.#receiver.fail(error);
    }
  }

  room(): Uint8Array | undefined {
    return this.#next ? undefined : this.#receiver.room?.();
  }

  data(chunk: Uint8Array): void {
    if (!this.#next) return this.#receiver.data(chunk);
    if (this.#body.take(chunk)) return;
    this.cancel();
    this.end();
  }

  end(): void {
    const next = this.#next;
    if (!next) return this.#receiver.end();
    this.#next = undefined;
    this.#send(next);
  }

  fail(cause: unknown): void {
    // An answer that has said where to go has said enough.
    if (this.#next) this.end();
    else this.#receiver.fail(cause);
  }

  #follows(status: number, headers: HttpHeaders): boolean {
    const { redirects, follows } = this.#client;
    if (redirects === 0 || !isRedirect(status) || !isReading(this.#request)) return false;
    return follows?.(headers) ?? true;
  }

  #redirected(location: string): HttpRequest {
    const { name, redirects } = this.#client;
    return redirected(name, redirects, this.#request, this.#url, location, this.#hops);
  }

  #sendNext(request: HttpRequest): void {
    this.#next = request;
    this.#body = new SmallBody();
  }

  #send(request: HttpRequest): void {
    this.#url = request.url;
    this.#client.counters.requests++;
    this.#client.counters.sent += request.body?.byteLength ?? 0;
    this.#hop = this.#client.transport.send(request, this);
  }
}
