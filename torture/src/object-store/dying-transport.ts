import type { HttpReceiver, HttpRequest, Transport } from "@instar/backend-http/engine";
import { nodeTransport } from "@instar/backend-http/node";

type Sent = ReturnType<Transport["send"]>;

/** Sends requests until its machine loses power: one request then gets lost, or its answer, and all that follow. */
export class DyingTransport implements Transport {
  readonly #inner = nodeTransport();
  readonly #last: number;
  readonly #arrives: boolean;
  /** Requests that change something, so far. */
  sent = 0;

  /**
   * @param last number of the request at which it dies, of those that change something; `Infinity` for never
   * @param arrives whether that request still reaches the store
   */
  constructor(last: number, arrives: boolean) {
    this.#last = last;
    this.#arrives = arrives;
  }

  get isDead(): boolean {
    return this.sent > this.#last;
  }

  send(request: HttpRequest, receiver: HttpReceiver): Sent {
    if (request.method !== "GET" && request.method !== "HEAD") this.sent++;
    if (!this.isDead) return this.#inner.send(request, receiver);
    const dies = (): void => receiver.fail(new Error("the power is gone"));
    const answers = this.sent === this.#last + 1 && this.#arrives && request.method !== "GET";
    if (answers) return this.#inner.send(request, { head() {}, data() {}, end: dies, fail: dies });
    setImmediate(dies);
    return { cancel() {} };
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
