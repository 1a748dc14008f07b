import type { BlockCipher, BlockCipherMaker } from "./block-cipher.js";
import { LuksError } from "./errors.js";
import { type SectorMode, type Sectors, wordsOf } from "./sector-mode.js";
import { SECTOR } from "./sizes.js";

/** Words of a sector. */
const WORDS = SECTOR / 4;

/**
 * XTS (IEEE 1619): each block is mixed, before and after it is encrypted, with a number of its own; the number of the
 * first block of a sector is its encrypted initialization vector, and each doubles into the next.
 *
 * All blocks of many sectors are encrypted at once. Ready-made XTS takes one sector at a time, and setting it up costs
 * several times what encrypting a sector does.
 */
export class XtsMode implements SectorMode {
  readonly #data: BlockCipher;
  readonly #tweak: BlockCipher;
  #numbers: Uint32Array = new Uint32Array(0);

  /** @param key that of the data, and that of the initialization vectors behind it */
  constructor(make: BlockCipherMaker, key: Uint8Array) {
    if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
      throw new LuksError("ERR_UNSUPPORTED_CIPHER", "cipher mode xts is not supported on a big-endian machine");
    }
    this.#data = make(key.subarray(0, key.byteLength / 2));
    this.#tweak = make(key.subarray(key.byteLength / 2));
  }

  encrypt({ bytes, words }: Sectors, ivs: Uint8Array): void {
    const numbers = this.#mixIn(words, ivs);
    mixOut(words, wordsOf(this.#data.encrypt(bytes)), numbers);
  }

  decrypt({ bytes, words }: Sectors, ivs: Uint8Array): void {
    const numbers = this.#mixIn(words, ivs);
    mixOut(words, wordsOf(this.#data.decrypt(bytes)), numbers);
  }

  /** Mixes each block with its number, and returns the numbers. */
  #mixIn(words: Uint32Array, ivs: Uint8Array): Uint32Array {
    if (this.#numbers.length < words.length) this.#numbers = new Uint32Array(words.length);
    const numbers = this.#numbers;
    const first = wordsOf(this.#tweak.encrypt(ivs));
    for (let at = 0, sector = 0; at < words.length; at += WORDS, sector += 4) {
      mixSector(words, numbers, at, first[sector]!, first[sector + 1]!, first[sector + 2]!, first[sector + 3]!);
    }
    return numbers;
  }
}

/** The numbers of a sector: each is twice the one before, in the field of 2^128 elements, lowest word first. */
function mixSector(
  words: Uint32Array,
  numbers: Uint32Array,
  begin: number,
  one: number,
  two: number,
  three: number,
  four: number,
): void {
  let a = one | 0;
  let b = two | 0;
  let c = three | 0;
  let d = four | 0;
  for (let at = begin; at < begin + WORDS; at += 4) {
    numbers[at] = a;
    numbers[at + 1] = b;
    numbers[at + 2] = c;
    numbers[at + 3] = d;
    words[at]! ^= a;
    words[at + 1]! ^= b;
    words[at + 2]! ^= c;
    words[at + 3]! ^= d;
    const carry = (d >> 31) & 0x87;
    d = (d << 1) | (c >>> 31);
    c = (c << 1) | (b >>> 31);
    b = (b << 1) | (a >>> 31);
    a = (a << 1) ^ carry;
  }
}

function mixOut(words: Uint32Array, blocks: Uint32Array, numbers: Uint32Array): void {
  for (let index = 0; index < words.length; index++) words[index] = blocks[index]! ^ numbers[index]!;
}
