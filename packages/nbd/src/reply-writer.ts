import type { Duplex } from "node:stream";
import { CHUNK, SIMPLE_REPLY_MAGIC, STRUCTURED_REPLY_MAGIC } from "./protocol.js";

/** Bytes of the head of a chunk of a structured reply. */
const HEAD = 20;
/** The flag of the last chunk of a reply; here each has one. */
const LAST_CHUNK = 1;

/**
 * Writes the replies of the transmission phase, those of one turn together: a call of the system for each costs more than
 * all else. Each promise settles when its bytes have left, or the stream is gone.
 */
export class ReplyWriter {
  readonly #stream: Duplex;
  readonly structured: boolean;
  #corked = false;

  constructor(stream: Duplex, structured: boolean) {
    this.#stream = stream;
    this.structured = structured;
  }

  /** A request without bytes in its answer is done. */
  done(cookie: Uint8Array): Promise<void> {
    return this.structured ? this.#chunk(cookie, CHUNK.none, Buffer.alloc(HEAD)) : this.#simple(cookie, 0, undefined);
  }

  data(cookie: Uint8Array, offset: number, bytes: Uint8Array): Promise<void> {
    if (!this.structured) return this.#simple(cookie, 0, bytes);
    const head = Buffer.alloc(HEAD + 8);
    head.writeBigUInt64BE(BigInt(offset), HEAD);
    return this.#chunk(cookie, CHUNK.offsetData, head, bytes);
  }

  /** States of neighbouring blocks, as pairs of length and state. */
  blockStatus(cookie: Uint8Array, context: number, pairs: readonly (readonly [number, number])[]): Promise<void> {
    const chunk = Buffer.alloc(HEAD + 4 + pairs.length * 8);
    chunk.writeUInt32BE(context, HEAD);
    for (const [index, [length, state]] of pairs.entries()) {
      chunk.writeUInt32BE(length, HEAD + 4 + index * 8);
      chunk.writeUInt32BE(state, HEAD + 8 + index * 8);
    }
    return this.#chunk(cookie, CHUNK.blockStatus, chunk);
  }

  failure(cookie: Uint8Array, errno: number, message: string): Promise<void> {
    if (!this.structured) return this.#simple(cookie, errno, undefined);
    const text = Buffer.from(message).subarray(0, 4096);
    const head = Buffer.alloc(HEAD + 6);
    head.writeUInt32BE(errno, HEAD);
    head.writeUInt16BE(text.byteLength, HEAD + 4);
    return this.#chunk(cookie, CHUNK.error, head, text);
  }

  #simple(cookie: Uint8Array, errno: number, bytes: Uint8Array | undefined): Promise<void> {
    const head = Buffer.alloc(16);
    head.writeUInt32BE(SIMPLE_REPLY_MAGIC);
    head.writeUInt32BE(errno, 4);
    head.set(cookie, 8);
    return this.#send(bytes === undefined ? [head] : [head, bytes]);
  }

  /** `chunk` has room for the head at its beginning, and `rest` follows it. */
  #chunk(cookie: Uint8Array, type: number, chunk: Buffer, rest?: Uint8Array): Promise<void> {
    chunk.writeUInt32BE(STRUCTURED_REPLY_MAGIC);
    chunk.writeUInt16BE(LAST_CHUNK, 4);
    chunk.writeUInt16BE(type, 6);
    chunk.set(cookie, 8);
    chunk.writeUInt32BE(chunk.byteLength - HEAD + (rest?.byteLength ?? 0), 16);
    return this.#send(rest === undefined ? [chunk] : [chunk, rest]);
  }

  #send(parts: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      this.#gather();
      // What is written to a stream that is gone has nobody to be told to.
      for (const [index, part] of parts.entries()) {
        this.#stream.write(part, index === parts.length - 1 ? () => resolve() : undefined);
      }
    });
  }

  /** Keeps what is written until all that has been done by now is answered. */
  #gather(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#stream.uncork();
    });
  }
}
