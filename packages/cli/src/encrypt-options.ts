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

/** As long as QEMU lets opening a slot take. */
const ITER_TIME = 2000;

/** How each option is understood, by its name behind `encrypt.`. */
export const ENCRYPT_READERS: Readonly<Record<string, (value: string) => EncryptOptions>> = {
  format: (value) => {
    if (value === "luks") return { format: value };
    throw new UsageError(`encrypt.format '${value}': only luks is supported for new images`);
  },
  "key-secret": (value) => ({ keySecret: value }),
  "cipher-alg": (value) => ({ cipher: value }),
  "cipher-mode": (value) => ({ mode: value }),
  "ivgen-alg": (value) => ({ iv: value }),
  "ivgen-hash-alg": (value) => ({ ivHash: value }),
  "hash-alg": (value) => ({ hash: value }),
  "iter-time": (value) => {
    const iterTime = Number(value);
    if (Number.isInteger(iterTime) && iterTime > 0) return { iterTime };
    throw new UsageError(`encrypt.iter-time '${value}': must be a number of milliseconds`);
  },
};

/** The options as qemu-img repeats them. */
export function encryptFields(
  options: EncryptOptions,
): (readonly [name: string, value: string | number | undefined])[] {
  return [
    ["encrypt.format", options.format],
    ["encrypt.key-secret", options.keySecret],
    ["encrypt.cipher-alg", options.cipher],
    ["encrypt.cipher-mode", options.mode],
    ["encrypt.ivgen-alg", options.iv],
    ["encrypt.ivgen-hash-alg", options.ivHash],
    ["encrypt.hash-alg", options.hash],
    ["encrypt.iter-time", options.iterTime],
  ];
}

/**
 * How to encrypt a new image.
 *
 * @throws {@link UsageError} without format or secret; {@link CliError} for a secret that cannot be read
 */
export async function newEncryption(options: EncryptOptions, context: Context): Promise<NewEncryption> {
  const { format, keySecret, iterTime = ITER_TIME, cipher, mode, iv, ivHash, hash } = options;
  if (format === undefined) throw new UsageError("encrypt.…: encrypt.format=luks is needed");
  if (keySecret === undefined) throw new UsageError("encrypt.format: encrypt.key-secret=ID is needed, and --object");
  const passphrase = await context.access.secrets.read(keySecret);
  if (passphrase.byteLength === 0) throw new CliError(`secret '${keySecret}' is empty`);
  const { CIPHERS, HASHES, IV_GENERATORS, MODES } = await import("@instar/luks");
  return {
    format,
    passphrase,
    cipher: known("cipher-alg", cipher, CIPHERS),
    mode: known("cipher-mode", mode, MODES),
    iv: known("ivgen-alg", iv, IV_GENERATORS),
    ivHash: known("ivgen-hash-alg", ivHash, HASHES),
    hash: known("hash-alg", hash, HASHES),
    iterTime,
    clock: () => performance.now(),
  };
}

function known<T extends string>(name: string, value: string | undefined, values: readonly T[]): T | undefined {
  return value === undefined ? undefined : oneOf(`encrypt.${name}`, value, values);
}
