import type { HttpHeaders, HttpReceiver } from "../src/engine/index.js";
import type { OpenWire, Wire, WireEvents } from "../src/http1/wire.js";

/** A connection whose other end is the test. */
export class FakeWire implements Wire {
  /** What has been sent, in Latin-1. */
  text = "";
  sent = true;
  /** How long it may rest; `undefined` while it is needed. */
  resting: number | undefined;
  destroyed = false;
  readonly events: WireEvents;
  readonly origin: string;

  constructor(origin: URL, events: WireEvents) {
    this.origin = origin.href;
    this.events = events;
  }

  send(head: string, body: Uint8Array | undefined): void {
    this.text += head + Buffer.from(body ?? []).toString("latin1");
  }

  rest(limit: number): void {
    this.resting = limit;
  }

  wake(): void {
    this.resting = undefined;
  }

  /** The real one tells of its end later, too. */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => this.events.closed(undefined));
  }

  /** Has text come from the other end, into the room that there is for it. */
  receive(text: string): void {
    for (let bytes = Buffer.from(text, "latin1"); bytes.length > 0;) {
      const room = this.events.room() ?? new Uint8Array(bytes.length);
      const count = Math.min(bytes.length, room.length);
      room.set(bytes.subarray(0, count));
      this.events.received(room.subarray(0, count));
      bytes = bytes.subarray(count);
    }
  }
}

/** Opens fake connections, and keeps them. */
export function fakeWires(): { readonly wires: FakeWire[]; readonly open: OpenWire } {
  const wires: FakeWire[] = [];
  const open: OpenWire = (origin, events) => {
    const wire = new FakeWire(origin, events);
    wires.push(wire);
    return wire;
  };
  return { wires, open };
}

/** Writes down what it is told. */
export class Heard implements HttpReceiver {
  status: number | undefined;
  headers: HttpHeaders = {};
  body = "";
  /** `undefined` until it is over; `null` after the end. */
  failure: unknown;
  onEnd: (() => void) | undefined;

  head(status: number, headers: HttpHeaders): void {
    this.status = status;
    this.headers = headers;
  }

  data(chunk: Uint8Array): void {
    this.body += Buffer.from(chunk).toString("latin1");
  }

  end(): void {
    this.failure = null;
    this.onEnd?.();
  }

  fail(cause: unknown): void {
    this.failure = cause;
  }
}

/** Has memory for what comes, of so many bytes. */
export class HeardInPlace extends Heard {
  /** How much of the body has come into it. */
  inPlace = 0;
  readonly #memory: Uint8Array;

  constructor(bytes: number) {
    super();
    this.#memory = new Uint8Array(bytes);
  }

  room(): Uint8Array {
    return this.#memory;
  }

  override data(chunk: Uint8Array): void {
    super.data(chunk);
    if (chunk.buffer === this.#memory.buffer) this.inPlace += chunk.length;
  }
}
