/// <reference types="node" />
import { type Cipheriv, createCipheriv, createDecipheriv, createHash, pbkdf2, randomFillSync } from "node:crypto";

import type { BlockCipher } from "./block-cipher.js";
import type { HashName } from "./hashes.js";
import { SECTOR } from "./sizes.js";

/** Bytes of a block of AES. */
const BLOCK = 16;

/** AES in OpenSSL. Its objects live on from call to call: making one costs as much as encrypting some sectors. */
class OpensslAes implements BlockCipher {
  readonly blockBytes: number = BLOCK;
  readonly #key: Uint8Array;
  readonly #encryptor;
  readonly #decryptor;
  #chain: { readonly cipher: Cipheriv; last: Uint8Array } | undefined;

  constructor(key: Uint8Array) {
    this.#key = key;
    const name = `aes-${key.byteLength * 8}-ecb`;
    this.#encryptor = createCipheriv(name, key, null).setAutoPadding(false);
    this.#decryptor = createDecipheriv(name, key, null).setAutoPadding(false);
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    return this.#encryptor.update(blocks);
  }

  decrypt(blocks: Uint8Array): Uint8Array {
    return this.#decryptor.update(blocks);
  }

  /** One chain goes on over all sectors: what it would mix into the first block of a sector is taken out before. */
  encryptCbc(sectors: Uint8Array, ivs: Uint8Array): Uint8Array {
    const chain = (this.#chain ??= this.#newChain());
    const bytes = new Uint8Array(sectors);
    for (let at = 0; at < bytes.byteLength; at += SECTOR) {
      const iv = (at / SECTOR) * BLOCK;
      for (let index = 0; index < BLOCK; index++) {
        bytes[at + index]! ^= ivs[iv + index]! ^ chain.last[index]!;
      }
      const done = chain.cipher.update(bytes.subarray(at, at + SECTOR));
      bytes.set(done, at);
      chain.last = done.subarray(SECTOR - BLOCK);
    }
    return bytes;
  }

  #newChain(): { readonly cipher: Cipheriv; last: Uint8Array } {
    const zero = new Uint8Array(BLOCK);
    const cipher = createCipheriv(`aes-${this.#key.byteLength * 8}-cbc`, this.#key, zero).setAutoPadding(false);
    return { cipher, last: zero };
  }
}

/** AES with a key of 16, 24 or 32 bytes. */
export function aes(key: Uint8Array): BlockCipher {
  return new OpensslAes(key.slice());
}

/** The digest of `bytes`. */
export function digest(hash: HashName, bytes: Uint8Array): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

/** PBKDF2 (RFC 8018), on a thread of its own. */
export function derive(
  hash: HashName,
  secret: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(secret, salt, iterations, length, hash, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** Fills `bytes` with random numbers that are good enough for keys. */
export function randomize(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
