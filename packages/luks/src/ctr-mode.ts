import type { BlockCipher, BlockCipherMaker } from "./block-cipher.js";
import { mix, type SectorMode, type Sectors, wordsOf } from "./sector-mode.js";
import { SECTOR } from "./sizes.js";

/** CTR: a counter that begins at the initialization vector is encrypted and mixed into the data. */
export class CtrMode implements SectorMode {
  readonly #cipher: BlockCipher;

  constructor(make: BlockCipherMaker, key: Uint8Array) {
    this.#cipher = make(key);
  }

  encrypt({ words }: Sectors, ivs: Uint8Array): void {
    mix(words, wordsOf(this.#cipher.encrypt(countersOf(ivs, this.#cipher.blockBytes))));
  }

  decrypt(sectors: Sectors, ivs: Uint8Array): void {
    this.encrypt(sectors, ivs);
  }
}

/** The counters of all blocks: big-endian numbers as wide as a block. */
function countersOf(ivs: Uint8Array, blockBytes: number): Uint8Array {
  const counters = new Uint8Array((ivs.byteLength / blockBytes) * SECTOR);
  for (let iv = 0, at = 0; iv < ivs.byteLength; iv += blockBytes) {
    const counter = ivs.slice(iv, iv + blockBytes);
    for (const end = at + SECTOR; at < end; at += blockBytes) {
      counters.set(counter, at);
      for (let index = blockBytes - 1; index >= 0 && (counter[index] = (counter[index]! + 1) & 255) === 0;) index--;
    }
  }
  return counters;
}
