import type { BlockCipher } from "./block-cipher.js";
import { rotateLeft } from "./rotate-left.js";
import { BOXES, type SerpentBox } from "./serpent-boxes.js";
import { INVERSE_BOXES } from "./serpent-inverse-boxes.js";

const BLOCK = 16;
const ROUNDS = 32;
/** Bytes that go through a step together: few enough to stay in the nearest cache, enough to be worth the call. */
const GROUP = 1024;
/** The golden ratio's fraction, which makes words of the key schedule differ from each other. */
const PHI = 0x9e3779b9;

/**
 * Serpent (Anderson, Biham, Knudsen: "Serpent: A Proposal for the Advanced Encryption Standard", 1998), as the paper's
 * bitslice description has it: a block is four words, of which the bits in one place are the input of an S-box.
 */
export class Serpent implements BlockCipher {
  readonly blockBytes: number = BLOCK;
  readonly #keys: Int32Array;

  /** @param key 16, 24 or 32 bytes */
  constructor(key: Uint8Array) {
    this.#keys = roundKeys(key);
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    return eachGroup(blocks, (words) => {
      mixKey(words, this.#keys, 0);
      for (let round = 0; round < ROUNDS - 1; round++) {
        boxOf(BOXES, round)(words);
        spread(words, this.#keys, round + 1);
      }
      boxOf(BOXES, ROUNDS - 1)(words);
      mixKey(words, this.#keys, ROUNDS);
    });
  }

  decrypt(blocks: Uint8Array): Uint8Array {
    return eachGroup(blocks, (words) => {
      mixKey(words, this.#keys, ROUNDS);
      boxOf(INVERSE_BOXES, ROUNDS - 1)(words);
      for (let round = ROUNDS - 1; round > 0; round--) {
        gather(words, this.#keys, round);
        boxOf(INVERSE_BOXES, round - 1)(words);
      }
      mixKey(words, this.#keys, 0);
    });
  }
}

/** The key schedule: a linear recurrence over words of the key, each four of which go through an S-box. */
function roundKeys(key: Uint8Array): Int32Array {
  const padded = new Uint8Array(32);
  padded.set(key);
  if (key.byteLength < padded.byteLength) padded[key.byteLength] = 1;
  const words = new Int32Array(8 + 4 * (ROUNDS + 1));
  const view = new DataView(padded.buffer);
  for (let index = 0; index < 8; index++) words[index] = view.getInt32(index * 4, true);
  for (let index = 8; index < words.length; index++) {
    const mixed = words[index - 8]! ^ words[index - 5]! ^ words[index - 3]! ^ words[index - 1]! ^ PHI ^ (index - 8);
    words[index] = rotateLeft(mixed, 11);
  }
  const keys = words.slice(8);
  for (let round = 0; round <= ROUNDS; round++) {
    boxOf(BOXES, ROUNDS + 3 - round)(keys.subarray(round * 4, round * 4 + 4));
  }
  return keys;
}

function boxOf(boxes: readonly SerpentBox[], round: number): SerpentBox {
  return boxes[round % 8]!;
}

/** Changes a copy of the blocks, a group of them at a time. */
function eachGroup(blocks: Uint8Array, change: (words: Int32Array) => void): Uint8Array {
  const result = new Uint8Array(blocks.byteLength);
  const from = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const to = new DataView(result.buffer);
  const room = new Int32Array(Math.min(GROUP, blocks.byteLength) / 4);
  for (let begin = 0; begin < blocks.byteLength; begin += GROUP) {
    const words = room.subarray(0, (blocks.byteLength - begin) / 4);
    for (let word = 0; word < words.length; word++) words[word] = from.getInt32(begin + word * 4, true);
    change(words);
    for (let word = 0; word < words.length; word++) to.setInt32(begin + word * 4, words[word]!, true);
  }
  return result;
}

function mixKey(words: Int32Array, keys: Int32Array, round: number): void {
  const [k0, k1, k2, k3] = keyOf(keys, round);
  for (let at = 0; at < words.length; at += 4) {
    words[at]! ^= k0;
    words[at + 1]! ^= k1;
    words[at + 2]! ^= k2;
    words[at + 3]! ^= k3;
  }
}

/** The linear transformation, and the key of the next round. */
function spread(words: Int32Array, keys: Int32Array, round: number): void {
  const [k0, k1, k2, k3] = keyOf(keys, round);
  for (let at = 0; at < words.length; at += 4) {
    const a = rotateLeft(words[at]!, 13);
    const c = rotateLeft(words[at + 2]!, 3);
    const b = rotateLeft(words[at + 1]! ^ a ^ c, 1);
    const d = rotateLeft(words[at + 3]! ^ c ^ (a << 3), 7);
    words[at] = rotateLeft(a ^ b ^ d, 5) ^ k0;
    words[at + 1] = b ^ k1;
    words[at + 2] = rotateLeft(c ^ d ^ (b << 7), 22) ^ k2;
    words[at + 3] = d ^ k3;
  }
}

/** Undoes {@link spread}, the key of the round first. */
function gather(words: Int32Array, keys: Int32Array, round: number): void {
  const [k0, k1, k2, k3] = keyOf(keys, round);
  for (let at = 0; at < words.length; at += 4) {
    const b = words[at + 1]! ^ k1;
    const d = words[at + 3]! ^ k3;
    const c = rotateLeft(words[at + 2]! ^ k2, 10) ^ d ^ (b << 7);
    const a = rotateLeft(words[at]! ^ k0, 27) ^ b ^ d;
    words[at] = rotateLeft(a, 19);
    words[at + 1] = rotateLeft(b, 31) ^ a ^ c;
    words[at + 2] = rotateLeft(c, 29);
    words[at + 3] = rotateLeft(d, 25) ^ c ^ (a << 3);
  }
}

function keyOf(keys: Int32Array, round: number): [number, number, number, number] {
  const at = round * 4;
  return [keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!];
}
