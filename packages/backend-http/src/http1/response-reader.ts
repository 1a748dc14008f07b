import type { HttpMethod, HttpReceiver } from "../engine/index.js";
import { type Body, bodyOf } from "./body.js";
import { restLimit } from "./persistence.js";
import { parseResponseHead } from "./response-head.js";
import { TextUntil } from "./text-until.js";

/** Most bytes of a head. */
const LIMIT = 64 * 2 ** 10;

/** Takes a response apart, as its bytes come (RFC 9112). */
export class ResponseReader {
  readonly #method: HttpMethod;
  readonly #receiver: HttpReceiver;
  readonly #data: (bytes: Uint8Array) => void;
  #head: TextUntil | undefined;
  #body: Body | undefined;
  /** How long its connection may rest before the next request, in milliseconds; 0 for not at all. */
  restLimit = 0;

  constructor(method: HttpMethod, receiver: HttpReceiver) {
    this.#method = method;
    this.#receiver = receiver;
    this.#data = (bytes) => receiver.data(bytes);
  }

  /** Whether all of it has come. */
  get complete(): boolean {
    return this.#body?.complete ?? false;
  }

  /** Whether it is complete when the connection ends. */
  get endsWithConnection(): boolean {
    return this.#body?.untilClose ?? false;
  }

  /** Memory of the receiver's that the next bytes belong into; `undefined` where some of them may belong elsewhere. */
  room(): Uint8Array | undefined {
    const plain = this.#body?.plain ?? 0;
    return plain === 0 ? undefined : this.#receiver.room?.()?.subarray(0, plain);
  }

  /**
   * Takes bytes, hands on what they say, and returns how many belonged to this response.
   *
   * @throws `Error` for what is no response of HTTP/1.1.
   */
  take(bytes: Uint8Array): number {
    if (this.#body) return this.#body.take(bytes, this.#data);
    this.#head ??= new TextUntil("\r\n\r\n", LIMIT);
    const used = this.#head.take(bytes);
    if (this.#head.text !== undefined) this.#begin(this.#head.text);
    return used;
  }

  #begin(text: string): void {
    const head = parseResponseHead(text);
    if (head.status === 101) throw new Error("the server wants to speak another protocol");
    // Others of this kind come before the response.
    if (head.status < 200) return;
    const body = bodyOf(this.#method, head);
    this.#body = body;
    this.restLimit = body.untilClose ? 0 : restLimit(this.#method, head);
    this.#receiver.head(head.status, head.headers);
  }
}
