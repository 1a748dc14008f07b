import { digest, randomize } from "#primitives";

import { digestSize, type HashName } from "./hashes.js";

/**
 * Blows a key up to `stripes` times its length, so that it is gone as soon as any part of the result is. LUKS1: "AF
 * splitter".
 */
export function splitKey(key: Uint8Array, stripes: number, hash: HashName): Uint8Array {
  const length = key.byteLength;
  const split = new Uint8Array(length * stripes);
  const last = split.subarray(length * (stripes - 1));
  randomize(split.subarray(0, length * (stripes - 1)));
  last.set(condense(split.subarray(0, length * (stripes - 1)), length, hash));
  for (let index = 0; index < length; index++) last[index]! ^= key[index]!;
  return split;
}

/** Makes the key of what {@link splitKey} has made of it. */
export function mergeKey(split: Uint8Array, stripes: number, hash: HashName): Uint8Array {
  const length = split.byteLength / stripes;
  const last = split.subarray(length * (stripes - 1));
  const key = condense(split.subarray(0, length * (stripes - 1)), length, hash);
  for (let index = 0; index < length; index++) key[index]! ^= last[index]!;
  return key;
}

/** Mixes stripes one into the other, the sum diffused after each. */
function condense(stripes: Uint8Array, length: number, hash: HashName): Uint8Array {
  let sum = new Uint8Array(length);
  for (let at = 0; at < stripes.byteLength; at += length) {
    for (let index = 0; index < length; index++) sum[index]! ^= stripes[at + index]!;
    sum = diffuse(sum, hash);
  }
  return sum;
}

/** Hashes piece by piece, each piece with its number in front, as many bytes of each digest as the piece has. */
function diffuse(bytes: Uint8Array, hash: HashName): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.byteLength);
  for (let at = 0, number = 0; at < bytes.byteLength; number++) {
    const size = digestSize(hash);
    const piece = bytes.subarray(at, at + size);
    const numbered = new Uint8Array(4 + piece.byteLength);
    new DataView(numbered.buffer).setUint32(0, number);
    numbered.set(piece, 4);
    result.set(digest(hash, numbered).subarray(0, piece.byteLength), at);
    at += size;
  }
  return result;
}
