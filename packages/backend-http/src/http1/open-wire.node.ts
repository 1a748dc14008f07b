import { connect, isIP, type Socket } from "node:net";
import type { OpenWire, TlsOptions, Wire, WireEvents } from "./wire.js";

/** Bytes that are taken from the system at once: a range of usual size with its head. */
const AT_ONCE = 128 * 2 ** 10;

/** Connects by `node:net` and `node:tls`, which is loaded when it is wanted. */
export function wireOpener(tls: TlsOptions): OpenWire {
  // What is undefined would take the place of a default.
  const options = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  return (origin, events) => {
    const wire = new SocketWire(events);
    wire.open(origin, options).catch((error: unknown) => wire.fail(error));
    return wire;
  };
}

class SocketWire implements Wire {
  readonly #events: WireEvents;
  #socket: Socket | undefined;
  #error: Error | undefined;
  #destroyed = false;

  constructor(events: WireEvents) {
    this.#events = events;
  }

  async open({ protocol, hostname, port }: URL, options: TlsOptions): Promise<void> {
    const secure = protocol === "https:";
    const tls = secure ? await import("node:tls") : undefined;
    if (this.#destroyed) return this.#events.closed(undefined);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const callback = (length: number, buffer: Uint8Array): boolean => {
      if (!this.#destroyed) this.#events.received(buffer.subarray(0, length));
      return true;
    };
    // Into the same memory each time: chunks of its own for each read live long enough to need full collections.
    const own = new Uint8Array(AT_ONCE);
    const buffer = (): Uint8Array => {
      const room = this.#destroyed ? undefined : this.#events.room();
      // A call of the system costs more than to copy what is little.
      return room && room.length >= AT_ONCE ? room : own;
    };
    const onread = { buffer, callback };
    const to = { host, port: Number(port) || (secure ? 443 : 80), noDelay: true, onread };
    const servername = isIP(host) ? {} : { servername: host };
    const socket = tls ? tls.connect({ ...servername, ALPNProtocols: ["http/1.1"], ...options, ...to }) : connect(to);
    this.#socket = socket;
    socket
      .once(tls ? "secureConnect" : "connect", () => this.#destroyed || this.#events.connected())
      .on("timeout", () => this.#destroyed || this.#events.ended())
      .on("end", () => this.#destroyed || this.#events.ended())
      .on("error", (error) => (this.#error = error))
      .on("close", () => this.#events.closed(this.#error));
  }

  /** Ends what could not even begin. */
  fail(error: unknown): void {
    this.#destroyed = true;
    this.#events.closed(error instanceof Error ? error : new Error(String(error)));
  }

  get sent(): boolean {
    return this.#socket?.writableLength === 0;
  }

  send(head: string, body: Uint8Array | undefined): void {
    if (!body) return void this.#socket?.write(head, "latin1");
    this.#socket?.cork();
    this.#socket?.write(head, "latin1");
    this.#socket?.write(body);
    this.#socket?.uncork();
  }

  rest(limit: number): void {
    this.#socket?.setTimeout(limit).unref();
  }

  wake(): void {
    this.#socket?.setTimeout(0).ref();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#socket?.destroy();
  }
}
