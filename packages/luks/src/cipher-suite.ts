import { LuksError } from "./errors.js";
import { digestSize, HASHES, type HashName } from "./hashes.js";

/** The ciphers. */
export const CIPHERS = [
  "aes-256",
  "aes-192",
  "aes-128",
  "serpent-256",
  "serpent-192",
  "serpent-128",
  "twofish-256",
  "twofish-192",
  "twofish-128",
  "cast5-128",
] as const;
/** A cipher: its name and the bits of its key. */
export type CipherName = (typeof CIPHERS)[number];
/** How the blocks of a sector are chained. */
export const MODES = ["xts", "cbc", "ctr", "ecb"] as const;
/** How the blocks of a sector are chained. */
export type CipherMode = (typeof MODES)[number];
/** What makes initialization vectors of sector numbers. */
export const IV_GENERATORS = ["plain64", "plain", "essiv"] as const;
/** What makes initialization vectors of sector numbers. */
export type IvGenerator = (typeof IV_GENERATORS)[number];

/** All that the encryption of sectors depends on, besides the key. */
export interface CipherSuite {
  readonly cipher: CipherName;
  readonly mode: CipherMode;
  readonly iv: IvGenerator;
  /** The hash that `essiv` needs. */
  readonly ivHash: HashName | undefined;
}

/** Ciphers that differ in the length of their key only, by the names that headers have for them. */
const FAMILIES = ["aes", "serpent", "twofish", "cast5"] as const;
type CipherFamily = (typeof FAMILIES)[number];

/** The name of a cipher without the bits of its key. */
export function familyOf(cipher: CipherName): CipherFamily {
  return known("cipher", cipher.slice(0, cipher.indexOf("-")), FAMILIES);
}

/** Bytes of a block. */
export function blockBytesOf(cipher: CipherName): number {
  return familyOf(cipher) === "cast5" ? 8 : 16;
}

/** Bytes of the key: XTS takes two. */
export function keyBytesOf({ cipher, mode }: CipherSuite): number {
  return (Number(cipher.slice(cipher.indexOf("-") + 1)) / 8) * (mode === "xts" ? 2 : 1);
}

/** The mode as a header has it, such as `xts-plain64` or `cbc-essiv:sha256`. */
export function modeText({ mode, iv, ivHash }: CipherSuite): string {
  return ivHash === undefined ? `${mode}-${iv}` : `${mode}-${iv}:${ivHash}`;
}

/**
 * The suite that a header names.
 *
 * @param name such as `aes`
 * @param mode such as `xts-plain64`
 * @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER`, naming what is not there
 */
export function parseSuite(name: string, mode: string, keyBytes: number): CipherSuite {
  const family = known("cipher", name, FAMILIES);
  const [, modeName = mode, ivName = "", hashName] = /^([^-]*)-([^:]*)(?::(.*))?$/.exec(mode) ?? [];
  const found = known("cipher mode", modeName, MODES);
  const bits = (keyBytes * 8) / (found === "xts" ? 2 : 1);
  const cipher = known("cipher", `${family}-${bits}`, CIPHERS);
  const iv = known("IV generator", ivName, IV_GENERATORS);
  const ivHash = hashName === undefined ? undefined : known("IV generator hash", hashName, HASHES);
  return checkSuite({ cipher, mode: found, iv, ivHash });
}

/** @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER` for a combination that makes no sense */
export function checkSuite(suite: CipherSuite): CipherSuite {
  const { cipher, mode, iv, ivHash } = suite;
  if (mode === "xts" && blockBytesOf(cipher) !== 16) {
    const others = MODES.filter((other) => other !== "xts").join(", ");
    throw unsupported(`cipher mode of ${cipher}, whose blocks have 8 bytes,`, mode, others);
  }
  // Others have no use for a hash; headers name one all the same.
  if (iv !== "essiv") return { ...suite, ivHash: undefined };
  const fitting = essivHashes(cipher);
  if (ivHash === undefined || !fitting.includes(ivHash)) {
    throw unsupported(`hash of essiv with ${cipher}`, ivHash ?? "(none)", fitting.join(", "));
  }
  return suite;
}

/** ESSIV keys a cipher of the family with the whole digest, which so must be as long as one of their keys. */
function essivHashes(cipher: CipherName): readonly HashName[] {
  const names: readonly string[] = CIPHERS;
  return HASHES.filter((hash) => names.includes(`${familyOf(cipher)}-${digestSize(hash) * 8}`));
}

/** The one of `names` that `name` is. @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER` */
export function known<Name extends string>(what: string, name: string, names: readonly Name[]): Name {
  const found = names.find((one) => one === name);
  if (found === undefined) throw unsupported(what, name, names.join(", "));
  return found;
}

function unsupported(what: string, name: string, names: string): LuksError {
  return new LuksError(
    "ERR_UNSUPPORTED_CIPHER",
    `${what} ${JSON.stringify(name)} is not supported (there are: ${names})`,
  );
}
