import type { Call } from "./call.js";
import { Connection, type ConnectionOwner } from "./connection.js";
import type { OpenWire } from "./wire.js";

/** The connections to an origin, as many as there are requests at a time, or as are wanted at first. */
export class Origin implements ConnectionOwner {
  readonly #url: URL;
  readonly #openWire: OpenWire;
  readonly #empty: () => void;
  /** How many connections the next request finds being opened, at least. */
  #ahead: number;
  /** The one used last comes last, and is used next: the others may end. */
  readonly #resting: Connection[] = [];
  readonly #connecting = new Set<Connection>();
  readonly #busy = new Set<Connection>();
  readonly #waiting: Call[] = [];

  /**
   * @param ahead how many connections to open with the first request
   * @param empty is called when it has neither requests nor connections left
   */
  constructor(url: URL, openWire: OpenWire, ahead: number, empty: () => void) {
    this.#url = url;
    this.#openWire = openWire;
    this.#ahead = ahead;
    this.#empty = empty;
  }

  /** Sends a request over the first connection that can take it, be it one that is made for it or one that others leave. */
  send(call: Call): void {
    const resting = this.#resting.pop();
    if (resting) return this.#assign(resting, call);
    call.carrier = this;
    this.#waiting.push(call);
    const wanted = Math.max(this.#ahead, this.#waiting.length);
    this.#ahead = 1;
    while (this.#connecting.size < wanted) this.#connect();
  }

  /** Ends all of it. */
  destroy(cause: unknown): void {
    for (const call of this.#waiting.splice(0)) call.fail(cause);
    const all = [...this.#resting, ...this.#connecting, ...this.#busy];
    this.#connecting.clear();
    for (const connection of all) connection.destroy(cause);
  }

  drop(call: Call): void {
    this.#waiting.splice(this.#waiting.indexOf(call), 1);
    if (this.#connecting.size <= this.#waiting.length) return;
    // The one tried longest is the least likely to come about.
    for (const connection of this.#connecting) {
      this.#connecting.delete(connection);
      return connection.destroy(undefined);
    }
  }

  ready(connection: Connection, restLimit: number): void {
    this.#connecting.delete(connection);
    this.#busy.delete(connection);
    const call = this.#waiting.shift();
    if (call) return this.#assign(connection, call);
    this.#resting.push(connection);
    connection.rest(restLimit);
  }

  gone(connection: Connection, cause: unknown): void {
    const refused = this.#connecting.delete(connection);
    this.#busy.delete(connection);
    const index = this.#resting.indexOf(connection);
    if (index >= 0) this.#resting.splice(index, 1);
    // Others that are on their way will do, as long as there is one for each that waits.
    if (refused && this.#connecting.size < this.#waiting.length) this.#waiting.shift()?.fail(cause);
    if (this.#waiting.length + this.#connecting.size + this.#busy.size + this.#resting.length === 0) this.#empty();
  }

  #connect(): void {
    const connection = new Connection(this);
    this.#connecting.add(connection);
    connection.open(this.#url, this.#openWire);
  }

  #assign(connection: Connection, call: Call): void {
    this.#busy.add(connection);
    connection.send(call);
  }
}
