/** The first bytes of an object, which came along when it was opened: for reads, until these have been at their end. */
export class Beginning {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Fills `target` from `offset` on, as far as it goes. Gives how many bytes that is. */
  read(target: Uint8Array, offset: number): number {
    const bytes = this.#bytes;
    const count = Math.min(target.byteLength, bytes.byteLength - offset);
    if (count <= 0) return 0;
    target.set(bytes.subarray(offset, offset + count));
    if (offset + count === bytes.byteLength) this.#bytes = new Uint8Array(0);
    return count;
  }
}
