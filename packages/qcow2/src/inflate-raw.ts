/** Symbols of a Huffman code in order, and how many codes there are of each length. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
  /** For the next `FAST` bits: symbol << 4 | length of its code; 0 where the code is longer. */
  readonly fast: Uint16Array;
}

/** Bits that the table of short codes is looked up by. */
const FAST = 9;
/** Longest Huffman code in bits. */
const LONGEST = 15;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which a block with its own codes gives the lengths of the code for code lengths. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * Unpacks raw deflate (RFC 1951) until `target` is full; what comes after that is not looked at.
 *
 * Returns what is wrong when the stream is broken or ends before `target` is full.
 */
export function inflateRaw(source: Uint8Array, target: Uint8Array): string | undefined {
  const inflater = new Inflater(source, target);
  try {
    inflater.run();
  } catch (error) {
    if (error instanceof BrokenStream) return error.message;
    throw error;
  }
  return inflater.written === target.byteLength
    ? undefined
    : `the stream ends after ${inflater.written} of ${target.byteLength} bytes`;
}

class BrokenStream extends Error {}

class Inflater {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  #position = 0;
  /** Bits that are read but not used yet, the next one lowest. */
  #bits = 0;
  #bitCount = 0;
  written = 0;

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source;
    this.#target = target;
  }

  run(): void {
    let last = false;
    while (!last && this.written < this.#target.byteLength) {
      last = this.#take(1) === 1;
      const type = this.#take(2);
      if (type === 0) this.#stored();
      else if (type === 1) this.#packed(fixedLiterals, fixedDistances);
      else if (type === 2) this.#dynamic();
      else throw new BrokenStream("a block of the reserved type 3");
    }
  }

  #stored(): void {
    this.#bits = 0;
    // Whole bytes that were read ahead go back.
    this.#position -= this.#bitCount >> 3;
    this.#bitCount = 0;
    const length = this.#take(16);
    if ((this.#take(16) ^ 0xffff) !== length) throw new BrokenStream("a stored block whose length is not confirmed");
    this.#position -= this.#bitCount >> 3;
    this.#bits = 0;
    this.#bitCount = 0;
    const wanted = Math.min(length, this.#target.byteLength - this.written);
    if (this.#position + wanted > this.#source.byteLength) throw new BrokenStream("a stored block that ends early");
    this.#target.set(this.#source.subarray(this.#position, this.#position + wanted), this.written);
    this.#position += wanted;
    this.written += wanted;
  }

  #dynamic(): void {
    const literals = this.#take(5) + 257;
    const distances = this.#take(5) + 1;
    const given = this.#take(4) + 4;
    const lengths = new Uint8Array(LENGTHS_ORDER.length);
    for (const symbol of LENGTHS_ORDER.slice(0, given)) lengths[symbol] = this.#take(3);
    const lengthCode = buildCode(lengths);
    const all = new Uint8Array(literals + distances);
    for (let at = 0; at < all.length;) {
      const symbol = this.#symbol(lengthCode);
      if (symbol < 16) {
        all[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw new BrokenStream("a repeated code length before the first");
      const value = symbol === 16 ? (all[at - 1] ?? 0) : 0;
      const times = symbol === 18 ? 11 + this.#take(7) : symbol === 17 ? 3 + this.#take(3) : 3 + this.#take(2);
      if (at + times > all.length) throw new BrokenStream("more code lengths than there are codes");
      all.fill(value, at, at + times);
      at += times;
    }
    this.#packed(buildCode(all.subarray(0, literals)), buildCode(all.subarray(literals)));
  }

  #packed(literals: Code, distances: Code): void {
    const target = this.#target;
    while (this.written < target.byteLength) {
      const symbol = this.#symbol(literals);
      if (symbol < 256) {
        target[this.written++] = symbol;
        continue;
      }
      if (symbol === 256) return;
      const length = this.#extended(LENGTH_BASE, LENGTH_EXTRA, symbol - 257);
      const distance = this.#extended(DISTANCE_BASE, DISTANCE_EXTRA, this.#symbol(distances));
      if (distance > this.written) throw new BrokenStream("a copy from before the beginning");
      const end = Math.min(this.written + length, target.byteLength);
      // Byte by byte: the copy may overlap what it makes.
      for (let at = this.written; at < end; at++) target[at] = target[at - distance] ?? 0;
      this.written = end;
    }
  }

  #extended(bases: readonly number[], extras: readonly number[], index: number): number {
    const base = bases[index];
    const extra = extras[index];
    if (base === undefined || extra === undefined) throw new BrokenStream("a reserved length or distance");
    return base + this.#take(extra);
  }

  #symbol(code: Code): number {
    this.#fill(LONGEST);
    const short = code.fast[this.#bits & (2 ** FAST - 1)] ?? 0;
    if (short !== 0) {
      this.#drop(short & 15);
      return short >> 4;
    }
    // Canonical codes of one length are consecutive numbers: walk from length to length.
    let value = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST; length++) {
      value |= (this.#bits >> (length - 1)) & 1;
      const count = code.counts[length] ?? 0;
      if (value - first < count) {
        this.#drop(length);
        return code.symbols[index + value - first] ?? 0;
      }
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw new BrokenStream("a code that stands for nothing");
  }

  #take(count: number): number {
    this.#fill(count);
    const value = this.#bits & (2 ** count - 1);
    this.#drop(count);
    return value;
  }

  /** Reads ahead while there is something to read. */
  #fill(count: number): void {
    while (this.#bitCount < count && this.#position < this.#source.byteLength) {
      this.#bits |= (this.#source[this.#position++] ?? 0) << this.#bitCount;
      this.#bitCount += 8;
    }
  }

  #drop(count: number): void {
    if (count > this.#bitCount) throw new BrokenStream(`the stream ends after ${this.written} bytes unpacked`);
    this.#bits >>>= count;
    this.#bitCount -= count;
  }
}

/** The canonical code with these lengths. One that leaves bit patterns unused is accepted: they are found when met. */
function buildCode(lengths: Uint8Array): Code {
  const counts = new Uint16Array(LONGEST + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  counts[0] = 0;
  const offsets = new Uint16Array(LONGEST + 2);
  const next = new Uint16Array(LONGEST + 2);
  for (let length = 1; length <= LONGEST; length++) {
    const count = counts[length] ?? 0;
    offsets[length + 1] = (offsets[length] ?? 0) + count;
    const end = (next[length] ?? 0) + count;
    if (end > 2 ** length) throw new BrokenStream("more codes than their lengths leave room for");
    next[length + 1] = end << 1;
  }
  const symbols = new Uint16Array(lengths.length);
  const fast = new Uint16Array(2 ** FAST);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    const place = offsets[length] ?? 0;
    offsets[length] = place + 1;
    symbols[place] = symbol;
    const value = next[length] ?? 0;
    next[length] = value + 1;
    if (length > FAST) continue;
    for (let at = reversed(value, length); at < fast.length; at += 2 ** length) fast[at] = (symbol << 4) | length;
  }
  return { counts, symbols, fast };
}

/** The lowest `count` bits in opposite order. */
function reversed(value: number, count: number): number {
  let result = 0;
  for (let bit = 0; bit < count; bit++) result |= ((value >> bit) & 1) << (count - 1 - bit);
  return result;
}

const fixedLiterals = buildCode(
  Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const fixedDistances = buildCode(new Uint8Array(30).fill(5));
