/** Bits that have been set, in chunks that come into being where something is set. */
export class DirtyBits {
  readonly #chunkBytes: number;
  readonly #granularity: number;
  readonly #bitsPerChunk: number;
  readonly #chunks = new Map<number, Uint8Array>();

  /**
   * @param granularityBits log2 of the bytes of disk that a bit stands for
   * @param chunkBytes bytes of a chunk: the cluster size, so that a chunk is what an entry of a bitmap table shows
   */
  constructor(granularityBits: number, chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#granularity = 2 ** granularityBits;
    this.#bitsPerChunk = chunkBytes * 8;
  }

  /** Bytes of memory that the chunks take. */
  get bytes(): number {
    return this.#chunks.size * this.#chunkBytes;
  }

  /** A chunk, if anything is set in it. */
  chunk(index: number): Uint8Array | undefined {
    return this.#chunks.get(index);
  }

  /** Sets the bits of all that a range of the disk touches. The range is not empty. */
  set(begin: number, end: number): void {
    const last = Math.floor((end - 1) / this.#granularity);
    for (let bit = Math.floor(begin / this.#granularity); bit <= last;) {
      const index = Math.floor(bit / this.#bitsPerChunk);
      const base = index * this.#bitsPerChunk;
      const stop = Math.min(last + 1, base + this.#bitsPerChunk);
      setBits(this.#chunk(index), bit - base, stop - base);
      bit = stop;
    }
  }

  /** Sets all bits that are set in others of the same shape. */
  add(others: DirtyBits | undefined): void {
    if (others) for (const [index, chunk] of others.#chunks) orBytes(this.#chunk(index), chunk);
  }

  #chunk(index: number): Uint8Array {
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      chunk = new Uint8Array(this.#chunkBytes);
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }
}

/** Sets the bits from `begin` to `end` - 1; the first bit of a byte is the least significant one. */
function setBits(bytes: Uint8Array, begin: number, end: number): void {
  const first = begin >> 3;
  const last = (end - 1) >> 3;
  const head = (0xff << (begin & 7)) & 0xff;
  const tail = 0xff >> (7 - ((end - 1) & 7));
  if (first === last) {
    bytes[first] = (bytes[first] ?? 0) | (head & tail);
    return;
  }
  bytes[first] = (bytes[first] ?? 0) | head;
  bytes.fill(0xff, first + 1, last);
  bytes[last] = (bytes[last] ?? 0) | tail;
}

/** Sets in `target` the bits that are set in `source`, which is as long. */
export function orBytes(target: Uint8Array, source: Uint8Array): void {
  for (const [index, byte] of source.entries()) target[index] = (target[index] ?? 0) | byte;
}

/** Clears the bits from `begin` to the end. */
export function clearBitsFrom(bytes: Uint8Array, begin: number): void {
  const first = Math.ceil(begin / 8);
  bytes.fill(0, first);
  if (begin % 8 !== 0) bytes[first - 1] = (bytes[first - 1] ?? 0) & (0xff >> (8 - (begin % 8)));
}

/** The first bit from `from` on that is not as the bit at `from`; at most `end`. */
export function endOfBits(bytes: Uint8Array, from: number, end: number): number {
  const isSet = isBitSet(bytes, from);
  const same = isSet ? 0xff : 0;
  let at = from + 1;
  while (at < end) {
    if (at % 8 === 0 && bytes[at >> 3] === same) at += 8;
    else if (isBitSet(bytes, at) === isSet) at++;
    else break;
  }
  return Math.min(at, end);
}

/** Whether a bit is set. */
export function isBitSet(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}
