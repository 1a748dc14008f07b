import type { Cancellable, HttpHeaders, HttpReceiver, HttpRequest } from "../engine/index.js";
import { requestHead } from "./request-head.js";

/** A request on its way. Who takes the response hears of one end at most, and of none after a cancel. */
export class Call implements Cancellable, HttpReceiver {
  readonly request: HttpRequest;
  /** The first lines of the request. */
  readonly requestHead: string;
  /** What has to do with it, and ends that when it is called off. */
  carrier: { drop(call: Call): void } | undefined;
  readonly #receiver: HttpReceiver;
  #over = false;

  /** @throws `TypeError` for a request that cannot be put into words. */
  constructor(request: HttpRequest, receiver: HttpReceiver) {
    this.request = request;
    this.requestHead = requestHead(request);
    this.#receiver = receiver;
  }

  head(status: number, headers: HttpHeaders): void {
    this.#receiver.head(status, headers);
  }

  room(): Uint8Array | undefined {
    return this.#over ? undefined : this.#receiver.room?.();
  }

  data(bytes: Uint8Array): void {
    this.#receiver.data(bytes);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.end();
  }

  fail(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.fail(cause);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.carrier?.drop(this);
  }
}
