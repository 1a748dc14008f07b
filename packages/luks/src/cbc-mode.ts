import type { BlockCipher, BlockCipherMaker } from "./block-cipher.js";
import { mix, type SectorMode, type Sectors, wordsOf } from "./sector-mode.js";
import { SECTOR } from "./sizes.js";

/** From so many sectors on, all of them side by side are quicker than any chain of one. */
const SIDE_BY_SIDE = 24;

/** CBC: the encrypted block before, or the initialization vector, is mixed into each block. */
export class CbcMode implements SectorMode {
  readonly #cipher: BlockCipher;

  constructor(make: BlockCipherMaker, key: Uint8Array) {
    this.#cipher = make(key);
  }

  /** A block needs the one before it, but none of another sector: so one block of every sector goes at once. */
  encrypt({ bytes, words }: Sectors, ivs: Uint8Array): void {
    const sectors = bytes.byteLength / SECTOR;
    if (sectors < SIDE_BY_SIDE && this.#cipher.encryptCbc) return bytes.set(this.#cipher.encryptCbc(bytes, ivs));
    const width = this.#cipher.blockBytes / 4;
    const column = new Uint32Array(sectors * width);
    let before = wordsOf(ivs);
    for (let block = 0; block < SECTOR / 4; block += width) {
      for (let at = block, to = 0; to < column.length; at += SECTOR / 4 - width) {
        for (const end = to + width; to < end; at++, to++) column[to] = words[at]! ^ before[to]!;
      }
      before = wordsOf(this.#cipher.encrypt(new Uint8Array(column.buffer)));
      for (let at = block, from = 0; from < before.length; at += SECTOR / 4 - width) {
        for (const end = from + width; from < end; at++, from++) words[at] = before[from]!;
      }
    }
  }

  decrypt({ bytes, words }: Sectors, ivs: Uint8Array): void {
    const { blockBytes } = this.#cipher;
    const before = new Uint8Array(bytes.byteLength);
    before.set(bytes.subarray(0, -blockBytes), blockBytes);
    for (let at = 0, iv = 0; at < bytes.byteLength; at += SECTOR, iv += blockBytes) {
      before.set(ivs.subarray(iv, iv + blockBytes), at);
    }
    words.set(wordsOf(this.#cipher.decrypt(bytes)));
    mix(words, wordsOf(before));
  }
}
