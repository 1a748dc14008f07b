import { LuksError } from "./errors.js";
import { HASHES, type HashName } from "./primitives.js";

/** The ciphers. */
export const CIPHERS = ["aes-256", "aes-192", "aes-128"] as const;
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

/** Bytes of the key: XTS takes two. */
export function keyBytesOf({ cipher, mode }: CipherSuite): number {
  return (Number(cipher.slice(4)) / 8) * (mode === "xts" ? 2 : 1);
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
  if (name !== "aes") throw unsupported("cipher", name, "aes");
  const [, modeName = mode, ivName = "", hashName] = /^([^-]*)-([^:]*)(?::(.*))?$/.exec(mode) ?? [];
  const found = known("cipher mode", modeName, MODES);
  const bits = (keyBytes * 8) / (found === "xts" ? 2 : 1);
  const cipher = known("cipher", `aes-${bits}`, CIPHERS);
  const iv = known("IV generator", ivName, IV_GENERATORS);
  const ivHash = hashName === undefined ? undefined : known("IV generator hash", hashName, HASHES);
  return checkSuite({ cipher, mode: found, iv, ivHash });
}

/** @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER` for a combination that makes no sense */
export function checkSuite(suite: CipherSuite): CipherSuite {
  const { iv, ivHash } = suite;
  // ESSIV keys a cipher with the whole digest: of the hashes here only that of sha256 is as long as a key of AES.
  if (iv === "essiv" && ivHash !== "sha256") throw unsupported("hash of essiv", ivHash ?? "(none)", "sha256");
  // Others have no use for a hash; headers name one all the same.
  return iv === "essiv" ? suite : { ...suite, ivHash: undefined };
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
