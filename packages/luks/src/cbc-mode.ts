import { aes } from "#primitives";

import type { Aes } from "./primitives.js";
import { mix, type SectorMode, type Sectors, wordsOf } from "./sector-mode.js";
import { BLOCK, SECTOR } from "./sizes.js";

/** CBC: the encrypted block before, or the initialization vector, is mixed into each block. */
export class CbcMode implements SectorMode {
  readonly #aes: Aes;

  constructor(key: Uint8Array) {
    this.#aes = aes(key);
  }

  encrypt({ bytes }: Sectors, ivs: Uint8Array): void {
    bytes.set(this.#aes.encryptCbc(bytes, ivs));
  }

  decrypt({ bytes, words }: Sectors, ivs: Uint8Array): void {
    const before = new Uint8Array(bytes.byteLength);
    before.set(bytes.subarray(0, -BLOCK), BLOCK);
    for (let at = 0; at < bytes.byteLength; at += SECTOR) {
      const iv = (at / SECTOR) * BLOCK;
      before.set(ivs.subarray(iv, iv + BLOCK), at);
    }
    words.set(wordsOf(this.#aes.decrypt(bytes)));
    mix(words, wordsOf(before));
  }
}
