import type { Backend, CallOptions } from "@instar/backend";
import type { SectorCipher } from "@instar/luks";

import { encryptionArea, luksAreaOf } from "./encryption-area.js";
import { Qcow2Error, type Qcow2ErrorCode } from "./errors.js";
import { isDataFileRaw } from "./features.js";
import type { Qcow2Header } from "./header.js";

/** What encrypts. */
export type Luks = typeof import("@instar/luks");

/** Loads what encrypts, which most images do without. */
export function loadLuks(): Promise<Luks> {
  return import("@instar/luks");
}

/** How guest data is encrypted. Specification: "Data encryption". */
export interface GuestCipher {
  readonly cipher: SectorCipher;
  /** Which offset of a sector its encryption depends on: where it lies in the file, or where the guest sees it. */
  readonly by: "host" | "guest";
}

/** What opens an encrypted image. */
export interface Qcow2Key {
  /** The bytes of the passphrase, exactly; or what has them, asked once it is clear that they are needed. */
  readonly passphrase: Uint8Array | (() => Promise<Uint8Array>);
  /** Most rounds of PBKDF2 that the image may ask for; defaults to 100 million. */
  readonly maxIterations?: number | undefined;
}

/** Bytes of the key of the legacy encryption, which is the passphrase itself. */
const LEGACY_KEY = 16;

/**
 * Opens the encryption of an image.
 *
 * @returns `undefined` where it is not encrypted
 * @throws {@link Qcow2Error} `ERR_ENCRYPTED` without a key, `ERR_WRONG_PASSPHRASE`, `ERR_UNSUPPORTED_FEATURE` for a cipher
 *   that is not there, and for writing where that is not supported; `ERR_INVALID_HEADER`; `ERR_INVALID_OPTION` for a key
 *   that nothing needs
 */
export async function openCipher(
  header: Qcow2Header,
  file: Backend,
  key: Qcow2Key | undefined,
  write: boolean,
  call: CallOptions,
): Promise<GuestCipher | undefined> {
  const { cryptMethod } = header;
  if (cryptMethod === 0) {
    if (!key) return undefined;
    throw new Qcow2Error(
      "ERR_INVALID_OPTION",
      `${file.name}: is not encrypted, so that there is no use for a passphrase`,
    );
  }
  if (!key) throw encrypted(file.name, cryptMethod);
  if (write) refuseWriting(file.name, header);
  const passphrase = typeof key.passphrase === "function" ? await key.passphrase() : key.passphrase;
  const luks = await loadLuks();
  if (cryptMethod === 1) return { cipher: await legacyCipher(luks, passphrase), by: "guest" };
  const area = encryptionArea(header);
  if (!area) throw encrypted(file.name, cryptMethod);
  try {
    const { maxIterations } = key;
    const { cipher } = await luks.unlock(luksAreaOf(file, area), { passphrase, maxIterations, signal: call.signal });
    return { cipher, by: "host" };
  } catch (error) {
    throw luksFailure(luks, error, file.name);
  }
}

function encrypted(where: string, cryptMethod: number): Qcow2Error {
  const method = cryptMethod === 1 ? "AES" : "LUKS";
  const init = { field: "crypt_method", value: cryptMethod, rule: "0 (not encrypted), or a passphrase given" };
  return new Qcow2Error("ERR_ENCRYPTED", `${where}: encrypted with ${method} (crypt_method ${cryptMethod})`, init);
}

function refuseWriting(where: string, header: Qcow2Header): void {
  let what: string | undefined;
  if (header.cryptMethod === 1) what = "with AES (crypt_method 1), which is not safe";
  else if (isDataFileRaw(header)) what = "with a data file that is to be the disk by itself";
  if (what === undefined) return;
  throw new Qcow2Error("ERR_UNSUPPORTED_FEATURE", `${where}: is not written to: it is encrypted ${what}`);
}

/** Like QEMU: a key of 128 bits, zeroes behind a passphrase that is shorter. */
function legacyCipher({ SectorCipher }: Luks, passphrase: Uint8Array): Promise<SectorCipher> {
  const key = new Uint8Array(LEGACY_KEY);
  key.set(passphrase.subarray(0, LEGACY_KEY));
  return SectorCipher.create({ cipher: "aes-128", mode: "cbc", iv: "plain64", ivHash: undefined }, key);
}

const CODES: Readonly<Record<string, Qcow2ErrorCode>> = {
  ERR_WRONG_PASSPHRASE: "ERR_WRONG_PASSPHRASE",
  ERR_UNSUPPORTED_CIPHER: "ERR_UNSUPPORTED_FEATURE",
  ERR_UNSUPPORTED_VERSION: "ERR_UNSUPPORTED_FEATURE",
  ERR_INVALID_OPTION: "ERR_INVALID_OPTION",
  ERR_NO_SLOT: "ERR_INVALID_OPTION",
  ERR_LAST_SLOT: "ERR_INVALID_OPTION",
};

/** What is wrong with the LUKS header of an image, as an error of the image. */
export function luksFailure({ isLuksError }: Luks, error: unknown, where: string): unknown {
  if (!isLuksError(error)) return error;
  const code = CODES[error.code] ?? "ERR_INVALID_HEADER";
  return new Qcow2Error(code, `${where}: ${error.message}`, { cause: error });
}
