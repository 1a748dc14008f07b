import type { BlockCipher } from "./block-cipher.js";
import { keyedBoxes, roundKeys } from "./twofish-keys.js";

const BLOCK = 16;
const ROUNDS = 16;
/** Where the keys of the rounds begin, behind those of the whitening of input and output. */
const FIRST = 8;

/** Twofish (Schneier, Kelsey, Whiting, Wagner, Hall, Ferguson: "Twofish: A 128-Bit Block Cipher", 1998). */
export class Twofish implements BlockCipher {
  readonly blockBytes: number = BLOCK;
  readonly #keys: Uint32Array;
  /** The four S-boxes of the key, each multiplied with its column of the MDS matrix. */
  readonly #boxes: readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

  /** @param key 16, 24 or 32 bytes */
  constructor(key: Uint8Array) {
    this.#keys = roundKeys(key);
    this.#boxes = keyedBoxes(key);
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    const keys = this.#keys;
    const [s0, s1, s2, s3] = this.#boxes;
    const { from, to, result } = viewsOf(blocks);
    for (let at = 0; at < blocks.byteLength; at += BLOCK) {
      let a = from.getInt32(at, true) ^ keys[0]!;
      let b = from.getInt32(at + 4, true) ^ keys[1]!;
      let c = from.getInt32(at + 8, true) ^ keys[2]!;
      let d = from.getInt32(at + 12, true) ^ keys[3]!;
      for (let key = FIRST; key < FIRST + ROUNDS * 2; key += 2) {
        const one = s0[a & 255]! ^ s1[(a >>> 8) & 255]! ^ s2[(a >>> 16) & 255]! ^ s3[a >>> 24]!;
        const other = s0[b >>> 24]! ^ s1[b & 255]! ^ s2[(b >>> 8) & 255]! ^ s3[(b >>> 16) & 255]!;
        const e = c ^ (one + other + keys[key]!);
        const f = ((d << 1) | (d >>> 31)) ^ (one + 2 * other + keys[key + 1]!);
        c = a;
        d = b;
        a = (e >>> 1) | (e << 31);
        b = f;
      }
      to.setInt32(at, c ^ keys[4]!, true);
      to.setInt32(at + 4, d ^ keys[5]!, true);
      to.setInt32(at + 8, a ^ keys[6]!, true);
      to.setInt32(at + 12, b ^ keys[7]!, true);
    }
    return result;
  }

  decrypt(blocks: Uint8Array): Uint8Array {
    const keys = this.#keys;
    const [s0, s1, s2, s3] = this.#boxes;
    const { from, to, result } = viewsOf(blocks);
    for (let at = 0; at < blocks.byteLength; at += BLOCK) {
      let c = from.getInt32(at, true) ^ keys[4]!;
      let d = from.getInt32(at + 4, true) ^ keys[5]!;
      let a = from.getInt32(at + 8, true) ^ keys[6]!;
      let b = from.getInt32(at + 12, true) ^ keys[7]!;
      for (let key = FIRST + ROUNDS * 2 - 2; key >= FIRST; key -= 2) {
        const one = s0[c & 255]! ^ s1[(c >>> 8) & 255]! ^ s2[(c >>> 16) & 255]! ^ s3[c >>> 24]!;
        const other = s0[d >>> 24]! ^ s1[d & 255]! ^ s2[(d >>> 8) & 255]! ^ s3[(d >>> 16) & 255]!;
        const e = ((a << 1) | (a >>> 31)) ^ (one + other + keys[key]!);
        const f = b ^ (one + 2 * other + keys[key + 1]!);
        a = c;
        b = d;
        c = e;
        d = (f >>> 1) | (f << 31);
      }
      to.setInt32(at, a ^ keys[0]!, true);
      to.setInt32(at + 4, b ^ keys[1]!, true);
      to.setInt32(at + 8, c ^ keys[2]!, true);
      to.setInt32(at + 12, d ^ keys[3]!, true);
    }
    return result;
  }
}

function viewsOf(blocks: Uint8Array): { from: DataView; to: DataView; result: Uint8Array } {
  const result = new Uint8Array(blocks.byteLength);
  const from = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  return { from, to: new DataView(result.buffer), result };
}
