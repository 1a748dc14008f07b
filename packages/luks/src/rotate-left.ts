/** Rotates a word of 32 bits; of `bits` the lowest five count. */
export function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> -bits);
}
