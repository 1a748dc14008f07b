import type { Readable } from "node:stream";

/** The stream ended, or was told to stop, where bytes were still wanted. */
export class StreamEnd extends Error {
  constructor() {
    super("the connection has ended");
    this.name = "StreamEnd";
  }
}

/** How a stream ends. */
const OVER = ["end", "close", "error"] as const;

/** Reads a stream by the byte, and takes from it no more than the stream itself buffers. */
export class ByteReader {
  readonly #stream: Readable;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  readonly #readable = (): void => this.#wake?.();
  readonly #over = (): void => this.stop();

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("readable", this.#readable);
    for (const event of OVER) stream.on(event, this.#over);
  }

  /** Whether there are bytes that nobody has taken yet. */
  get hasMore(): boolean {
    return this.#rest.byteLength + this.#stream.readableLength > 0;
  }

  /** Leaves the stream to another reader. */
  release(): void {
    this.#stream.off("readable", this.#readable);
    for (const event of OVER) this.#stream.off(event, this.#over);
  }

  /** Ends every wait, present and later. */
  stop(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Fills the whole of `target`. @throws {@link StreamEnd} where the stream ends before. */
  async fill(target: Uint8Array): Promise<void> {
    let done = 0;
    while (done < target.byteLength) {
      if (this.#rest.byteLength === 0 && !this.#take()) {
        await this.#more();
        continue;
      }
      const part = this.#rest.subarray(0, target.byteLength - done);
      target.set(part, done);
      done += part.byteLength;
      this.#rest = this.#rest.subarray(part.byteLength);
    }
  }

  /** The next bytes, where all of them have come: no promise, and no copy. */
  ready(length: number): Buffer | undefined {
    if (this.#ended || this.#rest.byteLength < length) return undefined;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  /** The next bytes, in a buffer of their own. */
  async bytes(length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(length);
    await this.fill(target);
    return target;
  }

  /** Passes over bytes, a piece at a time. */
  async skip(length: number): Promise<void> {
    const piece = new Uint8Array(Math.min(length, 65_536));
    for (let left = length; left > 0; left -= Math.min(left, piece.byteLength)) {
      await this.fill(piece.subarray(0, Math.min(left, piece.byteLength)));
    }
  }

  #take(): boolean {
    if (this.#ended) throw new StreamEnd();
    const chunk = this.#stream.read() as Buffer | null;
    if (chunk === null) return false;
    this.#rest = chunk;
    return true;
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}
