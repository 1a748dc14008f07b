/** The hash functions, by the names that LUKS headers have for them. */
export const HASHES = ["sha256", "sha1", "sha224", "sha384", "sha512", "ripemd160"] as const;
/** A hash function. */
export type HashName = (typeof HASHES)[number];

/** AES with one key. What it returns is new, and does not change afterwards. */
export interface Aes {
  /** Encrypts blocks of 16 bytes, each by itself. */
  encrypt(blocks: Uint8Array): Uint8Array;
  /** Decrypts blocks of 16 bytes, each by itself. */
  decrypt(blocks: Uint8Array): Uint8Array;
  /**
   * Encrypts sectors, each in CBC with an initialization vector of its own.
   *
   * @param ivs 16 bytes for each sector
   */
  encryptCbc(sectors: Uint8Array, ivs: Uint8Array): Uint8Array;
}
