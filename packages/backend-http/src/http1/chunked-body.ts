import type { Body } from "./body.js";
import { TextUntil } from "./text-until.js";

/** Most bytes of a line, and of all trailers together. */
const LIMIT = 16 * 2 ** 10;

/** A body in chunks, each with its size before it (RFC 9112, section 7.1). */
export class ChunkedBody implements Body {
  readonly untilClose = false;
  complete = false;
  readonly #line = new TextUntil("\r\n", LIMIT);
  #at: "size" | "data" | "end of data" | "trailers" = "size";
  /** Bytes of the chunk that are to come. */
  #left = 0;
  #trailers = 0;

  get plain(): number {
    return this.#left;
  }

  take(bytes: Uint8Array, data: (bytes: Uint8Array) => void): number {
    if (this.#at === "data") {
      const own = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
      this.#left -= own.length;
      if (this.#left === 0) this.#at = "end of data";
      data(own);
      return own.length;
    }
    const used = this.#line.take(bytes);
    if (this.#at === "trailers") this.#trailers += used;
    if (this.#trailers > LIMIT) throw new Error(`the server sends over ${LIMIT} bytes of trailers`);
    if (this.#line.text !== undefined) this.#read(this.#line.text);
    return used;
  }

  #read(line: string): void {
    if (this.#at === "size") {
      const size = /^([\da-f]{1,13})[\t ]*(?:;.*)?$/i.exec(line)?.[1];
      if (size === undefined) throw new Error("the server sends a chunk whose size makes no sense");
      this.#left = Number.parseInt(size, 16);
      this.#at = this.#left > 0 ? "data" : "trailers";
    } else if (this.#at === "trailers") {
      // They say nothing that anybody here asks for.
      this.complete = line === "";
    } else {
      if (line !== "") throw new Error("the server sends a chunk that is longer than its size");
      this.#at = "size";
    }
  }
}
