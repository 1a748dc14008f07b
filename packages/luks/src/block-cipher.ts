/** A block cipher with one key. What it returns is new, and does not change afterwards. */
export interface BlockCipher {
  /** Bytes of a block, and of an initialization vector. */
  readonly blockBytes: number;
  /** Encrypts whole blocks, each by itself. */
  encrypt(blocks: Uint8Array): Uint8Array;
  /** Decrypts whole blocks, each by itself. */
  decrypt(blocks: Uint8Array): Uint8Array;
  /**
   * Encrypts sectors, each in CBC with an initialization vector of its own; there where that is quicker for few sectors
   * than block by block.
   *
   * @param ivs a block for each sector
   */
  encryptCbc?(sectors: Uint8Array, ivs: Uint8Array): Uint8Array;
}

/** Makes a cipher with a key, which is copied. */
export type BlockCipherMaker = (key: Uint8Array) => BlockCipher;
