import type { NewEncryption } from "@instar/qcow2";
import { oneOf } from "./args.js";
import type { Context } from "./command.js";
import { CliError, UsageError } from "./errors.js";

/** What `-o encrypt.…` says of a new image. */
export interface EncryptOptions {
  readonly format?: "luks";
  /** These as given: what there is, is known only to who encrypts. */
  readonly cipher?: string;
  readonly mode?: string;
  readonly iv?: string;
  readonly ivHash?: string;
  readonly hash?: string;
  /** The ID of the secret that is to be the passphrase. */
  readonly keySecret?: string;
  /** Milliseconds. */
  readonly iterTime?: number;
}

/** As long as opening a key slot takes unless it is said: milliseconds, as in QEMU. */
export const LONGEST_OPENING = 2000;

/** What stands before the names of the options: those of a qcow2 image are some of many. */
type Prefix = "encrypt." | "";

/** How each option is understood, by its name. */
export function encryptReaders(prefix: Prefix): Readonly<Record<string, (value: string) => EncryptOptions>> {
  return {
    [`${prefix}key-secret`]: (value) => ({ keySecret: value }),
    [`${prefix}cipher-alg`]: (value) => ({ cipher: value }),
    [`${prefix}cipher-mode`]: (value) => ({ mode: value }),
    [`${prefix}ivgen-alg`]: (value) => ({ iv: value }),
    [`${prefix}ivgen-hash-alg`]: (value) => ({ ivHash: value }),
    [`${prefix}hash-alg`]: (value) => ({ hash: value }),
    [`${prefix}iter-time`]: (value) => ({ iterTime: iterTimeNamed(prefix, value) }),
  };
}

/** How the format of the encryption is understood. */
export function encryptFormat(value: string): EncryptOptions {
  if (value === "luks") return { format: value };
  throw new UsageError(`encrypt.format '${value}': only luks is supported for new images`);
}

/** The value of `iter-time`: milliseconds. */
export function iterTimeNamed(prefix: Prefix, value: string): number {
  const iterTime = Number(value);
  if (Number.isInteger(iterTime) && iterTime > 0) return iterTime;
  throw new UsageError(`${prefix}iter-time '${value}': must be a number of milliseconds`);
}

/** The options as qemu-img repeats them. */
export function encryptFields(
  options: EncryptOptions,
  prefix: Prefix,
): (readonly [name: string, value: string | number | undefined])[] {
  return [
    ["encrypt.format", prefix === "" ? undefined : options.format],
    [`${prefix}key-secret`, options.keySecret],
    [`${prefix}cipher-alg`, options.cipher],
    [`${prefix}cipher-mode`, options.mode],
    [`${prefix}ivgen-alg`, options.iv],
    [`${prefix}ivgen-hash-alg`, options.ivHash],
    [`${prefix}hash-alg`, options.hash],
    [`${prefix}iter-time`, options.iterTime],
  ];
}

/**
 * How to encrypt a new image.
 *
 * @throws {@link UsageError} without format or secret; {@link CliError} for a secret that cannot be read
 */
export async function newEncryption(options: EncryptOptions, prefix: Prefix, context: Context): Promise<NewEncryption> {
  const { format, keySecret, iterTime = LONGEST_OPENING, hash } = options;
  if (format === undefined) throw new UsageError("encrypt.…: encrypt.format=luks is needed");
  if (keySecret === undefined) throw new UsageError(`${prefix}key-secret=ID is needed, and --object`);
  const passphrase = await context.access.secrets.read(keySecret);
  if (passphrase.byteLength === 0) throw new CliError(`secret '${keySecret}' is empty`);
  const { HASHES } = await import("@instar/luks");
  return {
    format,
    passphrase,
    ...(await suiteOf(options, prefix)),
    hash: known(`${prefix}hash-alg`, hash, HASHES),
    iterTime,
    clock: () => performance.now(),
  };
}

/** What the options say of the cipher. @throws {@link UsageError} for what is not there */
export async function suiteOf(
  { cipher, mode, iv, ivHash }: EncryptOptions,
  prefix: Prefix,
): Promise<Pick<NewEncryption, "cipher" | "mode" | "iv" | "ivHash">> {
  const { CIPHERS, HASHES, IV_GENERATORS, MODES } = await import("@instar/luks");
  return {
    cipher: known(`${prefix}cipher-alg`, cipher, CIPHERS),
    mode: known(`${prefix}cipher-mode`, mode, MODES),
    iv: known(`${prefix}ivgen-alg`, iv, IV_GENERATORS),
    ivHash: known(`${prefix}ivgen-hash-alg`, ivHash, HASHES),
  };
}

function known<T extends string>(name: string, value: string | undefined, values: readonly T[]): T | undefined {
  return value === undefined ? undefined : oneOf(name, value, values);
}
