import type { Duplex } from "node:stream";
import { CHUNK, SIMPLE_REPLY_MAGIC, STRUCTURED_REPLY_MAGIC } from "./protocol.js";

/** Writes the replies of the transmission phase. Each promise settles when its bytes have left, or the stream is gone. */
export class ReplyWriter {
  readonly #stream: Duplex;
  readonly structured: boolean;

  constructor(stream: Duplex, structured: boolean) {
    this.#stream = stream;
    this.structured = structured;
  }

  /** A request without bytes in its answer is done. */
  done(cookie: Uint8Array): Promise<void> {
    return this.structured ? this.#chunk(cookie, CHUNK.none, []) : this.#simple(cookie, 0, undefined);
  }

  data(cookie: Uint8Array, offset: number, bytes: Uint8Array): Promise<void> {
    if (!this.structured) return this.#simple(cookie, 0, bytes);
    const place = Buffer.alloc(8);
    place.writeBigUInt64BE(BigInt(offset));
    return this.#chunk(cookie, CHUNK.offsetData, [place, bytes]);
  }

  /** States of neighbouring blocks, as pairs of length and state. */
  blockStatus(cookie: Uint8Array, context: number, pairs: readonly (readonly [number, number])[]): Promise<void> {
    const payload = Buffer.alloc(4 + pairs.length * 8);
    payload.writeUInt32BE(context);
    for (const [index, [length, state]] of pairs.entries()) {
      payload.writeUInt32BE(length, 4 + index * 8);
      payload.writeUInt32BE(state, 8 + index * 8);
    }
    return this.#chunk(cookie, CHUNK.blockStatus, [payload]);
  }

  failure(cookie: Uint8Array, errno: number, message: string): Promise<void> {
    if (!this.structured) return this.#simple(cookie, errno, undefined);
    const text = Buffer.from(message).subarray(0, 4096);
    const head = Buffer.alloc(6);
    head.writeUInt32BE(errno);
    head.writeUInt16BE(text.byteLength, 4);
    return this.#chunk(cookie, CHUNK.error, [head, text]);
  }

  #simple(cookie: Uint8Array, errno: number, bytes: Uint8Array | undefined): Promise<void> {
    const head = Buffer.alloc(16);
    head.writeUInt32BE(SIMPLE_REPLY_MAGIC);
    head.writeUInt32BE(errno, 4);
    head.set(cookie, 8);
    return this.#send(bytes === undefined ? [head] : [head, bytes]);
  }

  #chunk(cookie: Uint8Array, type: number, parts: readonly Uint8Array[]): Promise<void> {
    const head = Buffer.alloc(20);
    const lastChunk = 1;
    head.writeUInt32BE(STRUCTURED_REPLY_MAGIC);
    head.writeUInt16BE(lastChunk, 4);
    head.writeUInt16BE(type, 6);
    head.set(cookie, 8);
    head.writeUInt32BE(
      parts.reduce((sum, part) => sum + part.byteLength, 0),
      16,
    );
    return this.#send([head, ...parts]);
  }

  #send(parts: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#stream.writable) return resolve();
      this.#stream.cork();
      // What is written to a stream that is gone has nobody to be told to.
      for (const [index, part] of parts.entries()) {
        this.#stream.write(part, index === parts.length - 1 ? () => resolve() : undefined);
      }
      this.#stream.uncork();
    });
  }
}
