/** Buffers to be used again: fresh memory costs several times what it costs to fill it. */
export class SpareBuffers {
  readonly #most: number;
  readonly #spare: Uint8Array[] = [];

  /** @param most how many to keep. */
  constructor(most: number) {
    this.#most = most;
  }

  /** A buffer with anything in it. */
  take(length: number): Uint8Array {
    const spare = this.#spare.pop();
    if (!spare || spare.byteLength < length) return new Uint8Array(length);
    return spare.byteLength === length ? spare : spare.subarray(0, length);
  }

  /** Takes a buffer of this class back that nobody looks at any more. */
  give(bytes: Uint8Array): void {
    if (this.#spare.length < this.#most) this.#spare.push(new Uint8Array(bytes.buffer));
  }
}
