import type { Call } from "./call.js";
import { USUAL_REST } from "./persistence.js";
import { ResponseReader } from "./response-reader.js";
import type { OpenWire, Wire, WireEvents } from "./wire.js";

/** Who has connections, and is told what becomes of them. */
export interface ConnectionOwner {
  /** It takes a request, within so many milliseconds. */
  ready(connection: Connection, restLimit: number): void;
  /** It is no more. */
  gone(connection: Connection, cause: unknown): void;
}

/** A connection to an origin, which carries one request at a time. */
export class Connection implements WireEvents {
  readonly #owner: ConnectionOwner;
  #wire: Wire | undefined;
  #call: Call | undefined;
  #response: ResponseReader | undefined;
  #over = false;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
  }

  /** Begins to connect. */
  open(origin: URL, openWire: OpenWire): void {
    this.#wire = openWire(origin, this);
  }

  /** Sends a request. */
  send(call: Call): void {
    call.carrier = this;
    this.#call = call;
    this.#response = new ResponseReader(call.request.method, call);
    this.#wire?.wake();
    this.#wire?.send(call.requestHead, call.request.body);
  }

  /** Waits for the next request, and ends itself where none comes in so many milliseconds. */
  rest(limit: number): void {
    this.#wire?.rest(limit);
  }

  /** Ends it, and whatever it carries fails with the cause. */
  destroy(cause: unknown): void {
    const call = this.#call;
    this.#call = undefined;
    this.#wire?.destroy();
    this.#leave(cause);
    call?.fail(cause);
  }

  drop(): void {
    // What is still to come of the response cannot be called off in any other way.
    this.destroy(undefined);
  }

  connected(): void {
    this.#owner.ready(this, USUAL_REST);
  }

  room(): Uint8Array | undefined {
    return this.#call && this.#response?.room();
  }

  received(bytes: Uint8Array): void {
    try {
      for (let rest = bytes; rest.length > 0;) {
        if (!this.#call || !this.#response) return this.destroy(undefined);
        rest = rest.subarray(this.#response.take(rest));
        // Whoever takes the response may have called it off.
        if (this.#over) return;
        if (this.#response.complete) this.#finish(rest.length > 0);
      }
    } catch (error) {
      this.destroy(error);
    }
  }

  ended(): void {
    if (this.#response?.endsWithConnection) this.#finish(true);
    else this.destroy(lost());
  }

  closed(error: Error | undefined): void {
    const call = this.#call;
    this.#call = undefined;
    this.#leave(error ?? lost());
    call?.fail(error ?? lost());
  }

  #finish(over: boolean): void {
    const [call, limit] = [this.#call, this.#response?.restLimit ?? 0];
    this.#call = undefined;
    // Who answers before all of the request is there may leave the rest unread.
    if (over || limit === 0 || !this.#wire?.sent) this.destroy(undefined);
    else this.#owner.ready(this, limit);
    call?.end();
  }

  /** Has its owner give it no more requests: at once, because the wire tells of its end only later. */
  #leave(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.gone(this, cause);
  }
}

function lost(): Error {
  return Object.assign(new Error("the server closed the connection early"), { code: "ECONNRESET" });
}
