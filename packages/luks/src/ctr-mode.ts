import { aes } from "#primitives";

import type { Aes } from "./primitives.js";
import { mix, type SectorMode, type Sectors, wordsOf } from "./sector-mode.js";
import { BLOCK, SECTOR } from "./sizes.js";

/** CTR: a counter that begins at the initialization vector is encrypted and mixed into the data. */
export class CtrMode implements SectorMode {
  readonly #aes: Aes;

  constructor(key: Uint8Array) {
    this.#aes = aes(key);
  }

  encrypt({ words }: Sectors, ivs: Uint8Array): void {
    mix(words, wordsOf(this.#aes.encrypt(countersOf(ivs))));
  }

  decrypt(sectors: Sectors, ivs: Uint8Array): void {
    this.encrypt(sectors, ivs);
  }
}

/** The counters of all blocks: big-endian numbers of 128 bits. */
function countersOf(ivs: Uint8Array): Uint8Array {
  const counters = new Uint8Array((ivs.byteLength / BLOCK) * SECTOR);
  for (let iv = 0, at = 0; iv < ivs.byteLength; iv += BLOCK) {
    const counter = ivs.slice(iv, iv + BLOCK);
    for (const end = at + SECTOR; at < end; at += BLOCK) {
      counters.set(counter, at);
      for (let index = BLOCK - 1; index >= 0 && (counter[index] = (counter[index]! + 1) & 255) === 0;) index--;
    }
  }
  return counters;
}
