/**
 * Buffers to be used again: fresh memory costs several times what it costs to fill it. A backend keeps no buffer after
 * a call, so whoever has awaited the call may give the buffer back; after a failure, better let go of it.
 */
export class SpareBuffers {
  readonly #most: number;
  readonly #spare: Uint8Array[] = [];

  /** @param most how many to keep */
  constructor(most: number) {
    this.#most = most;
  }

  /** A buffer of `length` bytes with anything in it. */
  take(length: number): Uint8Array {
    const spare = this.#spare.pop();
    if (!spare || spare.byteLength < length) return new Uint8Array(length);
    return spare.byteLength === length ? spare : spare.subarray(0, length);
  }

  /** Takes a buffer of this class back, or a part of one, that nobody looks at any more. */
  give(bytes: Uint8Array): void {
    if (this.#spare.length < this.#most) this.#spare.push(new Uint8Array(bytes.buffer));
  }
}
