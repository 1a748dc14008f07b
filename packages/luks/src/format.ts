import { randomize } from "#primitives";

import type { CallOptions } from "@instar/backend";

import { type CipherSuite, checkSuite, keyBytesOf } from "./cipher-suite.js";
import { encodeHeader, type KeySlot, type LuksHeader, SALT_BYTES, SLOTS } from "./header.js";
import { chooseIterations, type IterationOptions } from "./iterations.js";
import { keyDigest, sealSlot } from "./key-slots.js";
import type { HashName } from "./hashes.js";
import { SectorCipher } from "./sector-cipher.js";

/** What a new volume is to be. */
export interface LuksFormatOptions extends IterationOptions, CallOptions {
  /** The bytes of the passphrase, exactly. */
  readonly passphrase: Uint8Array;
  /** Defaults to `aes-256`. */
  readonly cipher?: CipherSuite["cipher"] | undefined;
  /** Defaults to `xts`. */
  readonly mode?: CipherSuite["mode"] | undefined;
  /** Defaults to `plain64`. */
  readonly iv?: CipherSuite["iv"] | undefined;
  /** Defaults to `sha256` where `iv` is `essiv`, which is the only one that needs it. */
  readonly ivHash?: HashName | undefined;
  /** The hash of PBKDF2 and of the AF splitter; defaults to `sha256`. */
  readonly hash?: HashName | undefined;
}

/** A new volume. */
export interface NewVolume {
  readonly header: LuksHeader;
  /** The header with its key material: what to write in front of the data. */
  readonly bytes: Uint8Array;
  readonly cipher: SectorCipher;
}

const STRIPES = 4000;
/** Key material begins and ends at multiples of this. */
const ALIGNMENT = 4096;

/** Bytes of a header with its key material, which is where the payload begins. */
export function luksHeaderBytes(options: Pick<LuksFormatOptions, "cipher" | "mode" | "iv" | "ivHash">): number {
  return ALIGNMENT + SLOTS * materialRoom(suiteOf(options));
}

/**
 * Makes a volume with a random key and one passphrase, which lies in key slot 0. It is laid out as QEMU and cryptsetup do.
 *
 * @throws {@link LuksError} `ERR_UNSUPPORTED_CIPHER`, `ERR_INVALID_OPTION`
 */
export async function formatLuks(options: LuksFormatOptions): Promise<NewVolume> {
  const { passphrase, hash = "sha256", signal } = options;
  const suite = suiteOf(options);
  const keyBytes = keyBytesOf(suite);
  const iterations = await chooseIterations(options, hash, keyBytes);
  const room = materialRoom(suite);
  const slots: KeySlot[] = Array.from({ length: SLOTS }, (_, index) => ({
    active: index === 0,
    iterations: index === 0 ? iterations : 0,
    salt: index === 0 ? random(SALT_BYTES) : new Uint8Array(SALT_BYTES),
    materialOffset: ALIGNMENT + index * room,
    stripes: STRIPES,
  }));
  const key = random(keyBytes);
  const unsigned = {
    suite,
    hash,
    keyBytes,
    keyDigestSalt: random(SALT_BYTES),
    // The key is random: no need to make guessing it expensive.
    keyDigestIterations: Math.max(1000, Math.floor(iterations / 8)),
    payloadOffset: ALIGNMENT + SLOTS * room,
    uuid: randomUuid(),
    slots,
  };
  const header: LuksHeader = { ...unsigned, keyDigest: await keyDigest(unsigned, key, signal) };
  const bytes = new Uint8Array(header.payloadOffset);
  bytes.set(encodeHeader(header));
  for (const slot of slots.slice(0, 1)) {
    bytes.set(await sealSlot(header, slot, key, passphrase, signal), slot.materialOffset);
  }
  return { header, bytes, cipher: await SectorCipher.create(suite, key) };
}

function suiteOf(options: Pick<LuksFormatOptions, "cipher" | "mode" | "iv" | "ivHash">): CipherSuite {
  const { cipher = "aes-256", mode = "xts", iv = "plain64", ivHash } = options;
  return checkSuite({ cipher, mode, iv, ivHash: ivHash ?? (iv === "essiv" ? "sha256" : undefined) });
}

function materialRoom(suite: CipherSuite): number {
  return Math.ceil((STRIPES * keyBytesOf(suite)) / ALIGNMENT) * ALIGNMENT;
}

/** New random bytes. */
export function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  randomize(bytes);
  return bytes;
}

/** RFC 9562, version 4. */
function randomUuid(): string {
  const bytes = random(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
