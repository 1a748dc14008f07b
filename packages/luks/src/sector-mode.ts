/** Some sectors, as bytes and as words over the same memory. */
export interface Sectors {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** A mode of chaining with its key. Changes sectors where they stand; `ivs` has a block of the cipher for each. */
export interface SectorMode {
  encrypt(sectors: Sectors, ivs: Uint8Array): void;
  decrypt(sectors: Sectors, ivs: Uint8Array): void;
}

/** Bytes as words; copied where their place in memory does not allow that. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const placed = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(placed.buffer, placed.byteOffset, placed.byteLength / 4);
}

/** Mixes `other` into `words`. */
export function mix(words: Uint32Array, other: Uint32Array): void {
  for (let index = 0; index < words.length; index++) words[index]! ^= other[index]!;
}
