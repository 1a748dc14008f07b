/** Most bytes of a body that is not wanted for its content; more costs more than a new connection. */
export const uninteresting: number = 16 * 2 ** 10;

/** The body of an answer that is read only to understand it, or to keep the connection. */
export class SmallBody {
  readonly #chunks: Uint8Array[] = [];
  readonly #limit: number;
  #length = 0;

  constructor(limit: number = uninteresting) {
    this.#limit = limit;
  }

  /** Takes a chunk; `false` when it has become too long to read on. */
  take(chunk: Uint8Array): boolean {
    this.#length += chunk.byteLength;
    if (this.#length > this.#limit) return false;
    // Not by `slice`, which of a `Buffer` is no copy.
    this.#chunks.push(new Uint8Array(chunk));
    return true;
  }

  /** What has come, as UTF-8. */
  text(): string {
    const decoder = new TextDecoder();
    return this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  }
}
