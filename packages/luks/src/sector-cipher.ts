import type { BlockCipherMaker } from "./block-cipher.js";
import { CbcMode } from "./cbc-mode.js";
import { checkSuite, type CipherMode, type CipherSuite, keyBytesOf } from "./cipher-suite.js";
import { CtrMode } from "./ctr-mode.js";
import { EcbMode } from "./ecb-mode.js";
import { ruleError } from "./errors.js";
import { type IvMaker, ivMaker } from "./iv-generator.js";
import { loadCipher } from "./load-cipher.js";
import type { SectorMode } from "./sector-mode.js";
import { SECTOR } from "./sizes.js";
import { XtsMode } from "./xts-mode.js";

/** So much is worked on at once: it should stay in the processor's cache from step to step. */
const CHUNK = 65536;

const MODE_CLASSES: Record<CipherMode, new (make: BlockCipherMaker, key: Uint8Array) => SectorMode> = {
  xts: XtsMode,
  cbc: CbcMode,
  ctr: CtrMode,
  ecb: EcbMode,
};

/** Encrypts and decrypts sectors of 512 bytes, where they stand. */
export class SectorCipher {
  readonly #mode: SectorMode;
  readonly #ivs: IvMaker;

  private constructor(mode: SectorMode, ivs: IvMaker) {
    this.#mode = mode;
    this.#ivs = ivs;
  }

  /**
   * Loads the cipher and gives it its key.
   *
   * @param key is copied
   * @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER` for a suite that makes no sense, `ERR_INVALID_OPTION` for a key
   *   of the wrong length
   */
  static async create(suite: CipherSuite, key: Uint8Array): Promise<SectorCipher> {
    const checked = checkSuite(suite);
    const length = keyBytesOf(checked);
    if (key.byteLength !== length)
      throw ruleError("ERR_INVALID_OPTION", "length of the key", key.byteLength, `${length}`);
    const make = await loadCipher(checked.cipher);
    return new SectorCipher(new MODE_CLASSES[checked.mode](make, key), ivMaker(checked, make, key));
  }

  /**
   * Encrypts whole sectors.
   *
   * @param firstSector number of the first one, from which its initialization vector is made
   */
  encrypt(bytes: Uint8Array, firstSector: number): void {
    this.#each(bytes, firstSector, "encrypt");
  }

  /** Decrypts whole sectors. See {@link encrypt}. */
  decrypt(bytes: Uint8Array, firstSector: number): void {
    this.#each(bytes, firstSector, "decrypt");
  }

  #each(bytes: Uint8Array, firstSector: number, what: "encrypt" | "decrypt"): void {
    if (bytes.byteLength % SECTOR !== 0) {
      throw ruleError("ERR_INVALID_OPTION", "length of the bytes", bytes.byteLength, `a multiple of ${SECTOR}`);
    }
    for (let at = 0; at < bytes.byteLength; at += CHUNK) {
      const part = bytes.subarray(at, at + CHUNK);
      // Words need a place in memory that is a multiple of four; `slice` of a `Buffer` would be no copy.
      const placed = part.byteOffset % 4 === 0 ? part : new Uint8Array(part);
      const words = new Uint32Array(placed.buffer, placed.byteOffset, placed.byteLength / 4);
      const ivs = this.#ivs(firstSector + at / SECTOR, part.byteLength / SECTOR);
      this.#mode[what]({ bytes: placed, words }, ivs);
      if (placed !== part) part.set(placed);
    }
  }
}
