import { S5, S6, S7, S8 } from "./cast5-key-boxes.js";

/** A word that is mixed, the four bytes that go through S5, S6, S7 and S8, and one more with the box it goes through. */
type Mixture = readonly [word: number, s5: number, s6: number, s7: number, s8: number, box: Int32Array, extra: number];
/** The bytes that go through S5, S6, S7 and S8, and one more, whose box the place of the key tells. */
type Choice = readonly [s5: number, s6: number, s7: number, s8: number, extra: number];

/** RFC 2144, section 2.4: how z is made of x. The bytes of the first line are of x, the others of z as it comes to be. */
const TO_Z: readonly Mixture[] = [
  [0, 13, 15, 12, 14, S7, 8],
  [2, 0, 2, 1, 3, S8, 10],
  [3, 7, 6, 5, 4, S5, 9],
  [1, 10, 9, 11, 8, S6, 11],
];
/** How x is made of z. */
const TO_X: readonly Mixture[] = [
  [2, 5, 7, 4, 6, S7, 0],
  [0, 0, 2, 1, 3, S8, 2],
  [1, 7, 6, 5, 4, S5, 1],
  [3, 10, 9, 11, 8, S6, 3],
];
/** Which bytes make the keys K1 to K4 (and K17 to K20), K5 to K8, and so on. */
const KEYS: readonly (readonly Choice[])[] = [
  [
    [8, 9, 7, 6, 2],
    [10, 11, 5, 4, 6],
    [12, 13, 3, 2, 9],
    [14, 15, 1, 0, 12],
  ],
  [
    [3, 2, 12, 13, 8],
    [1, 0, 14, 15, 13],
    [7, 6, 8, 9, 3],
    [5, 4, 10, 11, 7],
  ],
  [
    [3, 2, 12, 13, 9],
    [1, 0, 14, 15, 12],
    [7, 6, 8, 9, 2],
    [5, 4, 10, 11, 6],
  ],
  [
    [8, 9, 7, 6, 3],
    [10, 11, 5, 4, 7],
    [12, 13, 3, 2, 8],
    [14, 15, 1, 0, 13],
  ],
];
const EXTRA_BOXES: readonly Int32Array[] = [S5, S6, S7, S8];

/**
 * The keys K1 to K32 of CAST-128: those of masking, then those of rotation. RFC 2144, section 2.4.
 *
 * @param key 16 bytes
 */
export function castKeys(key: Uint8Array): Int32Array {
  const keys = new Int32Array(32);
  let state = key;
  for (let at = 0, turn = 0; at < keys.length; turn++) {
    state = mixed(state, turn % 2 === 0 ? TO_Z : TO_X);
    for (const [index, [s5, s6, s7, s8, extra]] of KEYS[turn % 4]!.entries()) {
      keys[at++] = boxed(state, s5, s6, s7, s8) ^ EXTRA_BOXES[index]![state[extra]!]!;
    }
  }
  return keys;
}

function mixed(old: Uint8Array, mixtures: readonly Mixture[]): Uint8Array {
  const before = new DataView(old.buffer, old.byteOffset, old.byteLength);
  const result = new Uint8Array(16);
  const view = new DataView(result.buffer);
  for (const [index, [word, s5, s6, s7, s8, box, extra]] of mixtures.entries()) {
    const source = index === 0 ? old : result;
    view.setInt32(index * 4, before.getInt32(word * 4) ^ boxed(source, s5, s6, s7, s8) ^ box[old[extra]!]!);
  }
  return result;
}

function boxed(bytes: Uint8Array, s5: number, s6: number, s7: number, s8: number): number {
  return S5[bytes[s5]!]! ^ S6[bytes[s6]!]! ^ S7[bytes[s7]!]! ^ S8[bytes[s8]!]!;
}
