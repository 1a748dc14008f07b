import type { BlockCipher, BlockCipherMaker } from "./block-cipher.js";
import { type SectorMode, type Sectors } from "./sector-mode.js";

/** ECB: each block by itself. Equal blocks stay equal: it is here to read what has been written with it. */
export class EcbMode implements SectorMode {
  readonly #cipher: BlockCipher;

  constructor(make: BlockCipherMaker, key: Uint8Array) {
    this.#cipher = make(key);
  }

  encrypt({ bytes }: Sectors): void {
    bytes.set(this.#cipher.encrypt(bytes));
  }

  decrypt({ bytes }: Sectors): void {
    bytes.set(this.#cipher.decrypt(bytes));
  }
}
