import { aes } from "#primitives";

import type { BlockCipherMaker } from "./block-cipher.js";
import { type CipherName, familyOf } from "./cipher-suite.js";

/** Loads a cipher: all but AES wait until somebody needs them. */
export async function loadCipher(name: CipherName): Promise<BlockCipherMaker> {
  switch (familyOf(name)) {
    case "aes":
      return aes;
    case "serpent": {
      const { Serpent } = await import("./serpent.js");
      return (key) => new Serpent(key);
    }
    case "twofish": {
      const { Twofish } = await import("./twofish.js");
      return (key) => new Twofish(key);
    }
    case "cast5": {
      const { Cast5 } = await import("./cast5.js");
      return (key) => new Cast5(key);
    }
  }
}
