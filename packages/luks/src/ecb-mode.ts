import { aes } from "#primitives";

import type { Aes } from "./primitives.js";
import { type SectorMode, type Sectors } from "./sector-mode.js";

/** ECB: each block by itself. Equal blocks stay equal: it is here to read what has been written with it. */
export class EcbMode implements SectorMode {
  readonly #aes: Aes;

  constructor(key: Uint8Array) {
    this.#aes = aes(key);
  }

  encrypt({ bytes }: Sectors): void {
    bytes.set(this.#aes.encrypt(bytes));
  }

  decrypt({ bytes }: Sectors): void {
    bytes.set(this.#aes.decrypt(bytes));
  }
}
