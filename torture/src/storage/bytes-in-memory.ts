/** The bytes of a file, in one piece that grows as needed. What was cut off or never written is zero. */
export class BytesInMemory {
  #bytes = new Uint8Array(65_536);
  size = 0;

  /** All bytes that may be read. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  read(target: Uint8Array, offset: number): void {
    target.set(this.#bytes.subarray(offset, offset + target.byteLength));
  }

  write(source: Uint8Array, offset: number): void {
    this.#reserve(offset + source.byteLength);
    this.#bytes.set(source, offset);
    this.size = Math.max(this.size, offset + source.byteLength);
  }

  zero(offset: number, length: number): void {
    this.#bytes.fill(0, offset, Math.min(this.size, offset + length));
  }

  resize(size: number): void {
    this.#reserve(size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(size, this.#bytes.byteLength * 2));
    larger.set(this.view);
    this.#bytes = larger;
  }
}
