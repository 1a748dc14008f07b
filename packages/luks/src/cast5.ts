import type { BlockCipher } from "./block-cipher.js";
import { castKeys } from "./cast5-keys.js";
import { S1, S2, S3, S4 } from "./cast5-round-boxes.js";
import { rotateLeft } from "./rotate-left.js";

const BLOCK = 8;
const ROUNDS = 16;

/** CAST-128, also known as CAST5, with keys of 128 bits. RFC 2144. */
export class Cast5 implements BlockCipher {
  readonly blockBytes: number = BLOCK;
  readonly #keys: Int32Array;

  /** @param key 16 bytes */
  constructor(key: Uint8Array) {
    this.#keys = castKeys(key);
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    return eachBlock(blocks, this.#keys, 0, 1);
  }

  decrypt(blocks: Uint8Array): Uint8Array {
    return eachBlock(blocks, this.#keys, ROUNDS - 1, -1);
  }
}

/** A Feistel network, whose rounds in the other order undo it. RFC 2144, sections 2 and 2.2. */
function eachBlock(blocks: Uint8Array, keys: Int32Array, firstRound: number, step: number): Uint8Array {
  const result = new Uint8Array(blocks.byteLength);
  const from = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const to = new DataView(result.buffer);
  // Tables at hand: what is imported is looked up at every use.
  const [s1, s2, s3, s4] = [S1, S2, S3, S4];
  for (let at = 0; at < blocks.byteLength; at += BLOCK) {
    let left = from.getInt32(at);
    let right = from.getInt32(at + 4);
    for (let count = 0, round = firstRound; count < ROUNDS; count++, round += step) {
      const masking = keys[round]!;
      const rotation = keys[ROUNDS + round]!;
      let mixed: number;
      let next: number;
      // Three types of rounds take turns, which differ in how they put things together.
      switch (round % 3) {
        case 0:
          mixed = rotateLeft((masking + right) | 0, rotation);
          next = (s1[mixed >>> 24]! ^ s2[(mixed >>> 16) & 255]!) - s3[(mixed >>> 8) & 255]! + s4[mixed & 255]!;
          break;
        case 1:
          mixed = rotateLeft(masking ^ right, rotation);
          next = (s1[mixed >>> 24]! - s2[(mixed >>> 16) & 255]! + s3[(mixed >>> 8) & 255]!) ^ s4[mixed & 255]!;
          break;
        default:
          mixed = rotateLeft((masking - right) | 0, rotation);
          next = ((s1[mixed >>> 24]! + s2[(mixed >>> 16) & 255]!) ^ s3[(mixed >>> 8) & 255]!) - s4[mixed & 255]!;
      }
      next ^= left;
      left = right;
      right = next;
    }
    to.setInt32(at, right);
    to.setInt32(at + 4, left);
  }
  return result;
}
