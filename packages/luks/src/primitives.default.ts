import { ecb } from "@noble/ciphers/aes.js";
import { randomBytes } from "@noble/ciphers/utils.js";
import { md5, ripemd160, sha1 } from "@noble/hashes/legacy.js";
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { sha224, sha256, sha384, sha512 } from "@noble/hashes/sha2.js";

import type { BlockCipher } from "./block-cipher.js";
import type { HashName } from "./hashes.js";

const FUNCTIONS = { sha1, sha224, sha256, sha384, sha512, ripemd160, md5 };
/** Most random bytes that a browser gives at once. */
const AT_ONCE = 65_536;
const UNPADDED = { disablePadding: true } as const;

/** AES in JavaScript, for where there is no other that is synchronous. */
class PortableAes implements BlockCipher {
  readonly blockBytes = 16;
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    return ecb(this.#key, UNPADDED).encrypt(blocks);
  }

  decrypt(blocks: Uint8Array): Uint8Array {
    return ecb(this.#key, UNPADDED).decrypt(blocks);
  }
}

/** AES with a key of 16, 24 or 32 bytes. */
export function aes(key: Uint8Array): BlockCipher {
  return new PortableAes(key.slice());
}

/** The digest of `bytes`. */
export function digest(hash: HashName, bytes: Uint8Array): Uint8Array {
  return FUNCTIONS[hash](bytes);
}

/** PBKDF2 (RFC 8018), with pauses in which others get their turn. */
export function derive(
  hash: HashName,
  secret: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  return pbkdf2Async(FUNCTIONS[hash], secret, salt, { c: iterations, dkLen: length });
}

/** Fills `bytes` with random numbers that are good enough for keys. */
export function randomize(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; at += AT_ONCE) {
    bytes.set(randomBytes(Math.min(AT_ONCE, bytes.byteLength - at)), at);
  }
}
