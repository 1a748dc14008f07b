import { type CipherSuite, familyOf, keyBytesOf, known, modeText, parseSuite } from "./cipher-suite.js";
import { LuksError, ruleError } from "./errors.js";
import { checkHeader } from "./header-rules.js";
import { HASHES, type HashName } from "./hashes.js";
import { HEADER_BYTES, SECTOR } from "./sizes.js";

/** A place for a passphrase. */
export interface KeySlot {
  readonly active: boolean;
  /** Rounds of PBKDF2 that make a key of the passphrase. */
  readonly iterations: number;
  readonly salt: Uint8Array;
  /** Where the key material begins, in bytes from the beginning of the header. */
  readonly materialOffset: number;
  /** How many times as long as the key the key material is. */
  readonly stripes: number;
}

/** A LUKS1 header. */
export interface LuksHeader {
  readonly suite: CipherSuite;
  /** The hash of PBKDF2 and of the AF splitter. */
  readonly hash: HashName;
  /** Bytes of the key of the volume. */
  readonly keyBytes: number;
  /** What PBKDF2 makes of the key of the volume, to tell it from others. */
  readonly keyDigest: Uint8Array;
  readonly keyDigestSalt: Uint8Array;
  readonly keyDigestIterations: number;
  /** Where the data begins, in bytes from the beginning of the header. */
  readonly payloadOffset: number;
  /** As text; hostile input. */
  readonly uuid: string;
  /** Always eight. */
  readonly slots: readonly KeySlot[];
}

/** How many key slots there are. */
export const SLOTS = 8;
/** Bytes of a salt. */
export const SALT_BYTES = 32;
/** Bytes of the digest of the key. */
export const DIGEST_BYTES = 20;

const MAGIC: readonly number[] = [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe];
const SLOTS_AT = 208;
const SLOT_BYTES = 48;
const ACTIVE = 0x00ac71f3;
const INACTIVE = 0x0000dead;

/** Whether bytes begin as a LUKS header does, of whichever version. */
export function isLuks(bytes: Uint8Array): boolean {
  return bytes.byteLength >= MAGIC.length && MAGIC.every((byte, index) => bytes[index] === byte);
}

/**
 * Takes a header apart and checks every field.
 *
 * @param bytes at least {@link HEADER_BYTES}
 * @param areaBytes how many bytes the header and what belongs to it may take
 * @throws {@link LuksError} `ERR_NOT_LUKS`, `ERR_UNSUPPORTED_VERSION`, `ERR_UNSUPPORTED_CIPHER`, `ERR_INVALID_HEADER`
 */
export function parseHeader(bytes: Uint8Array, areaBytes: number): LuksHeader {
  if (!isLuks(bytes)) throw new LuksError("ERR_NOT_LUKS", "not a LUKS header");
  if (bytes.byteLength < HEADER_BYTES) {
    throw ruleError("ERR_INVALID_HEADER", "length of the LUKS header", bytes.byteLength, `at least ${HEADER_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(6);
  if (version !== 1) throw ruleError("ERR_UNSUPPORTED_VERSION", "LUKS version", version, "1");
  const keyBytes = view.getUint32(108);
  const header: LuksHeader = {
    suite: parseSuite(textAt(bytes, 8, 32), textAt(bytes, 40, 32), keyBytes),
    hash: known("hash", textAt(bytes, 72, 32), HASHES),
    keyBytes,
    keyDigest: bytes.slice(112, 112 + DIGEST_BYTES),
    keyDigestSalt: bytes.slice(132, 132 + SALT_BYTES),
    keyDigestIterations: view.getUint32(164),
    payloadOffset: view.getUint32(104) * SECTOR,
    uuid: textAt(bytes, 168, 40),
    slots: Array.from({ length: SLOTS }, (_, index) => parseSlot(bytes, view, index)),
  };
  checkHeader(header, areaBytes);
  return header;
}

function parseSlot(bytes: Uint8Array, view: DataView, index: number): KeySlot {
  const at = slotOffset(index);
  const state = view.getUint32(at);
  if (state !== ACTIVE && state !== INACTIVE) {
    throw ruleError("ERR_INVALID_HEADER", `state of key slot ${index}`, state, `${ACTIVE} or ${INACTIVE}`);
  }
  return {
    active: state === ACTIVE,
    iterations: view.getUint32(at + 4),
    salt: bytes.slice(at + 8, at + 8 + SALT_BYTES),
    materialOffset: view.getUint32(at + 40) * SECTOR,
    stripes: view.getUint32(at + 44),
  };
}

/** A header as bytes. */
export function encodeHeader(header: LuksHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(6, 1);
  putText(bytes, 8, familyOf(header.suite.cipher));
  putText(bytes, 40, modeText(header.suite));
  putText(bytes, 72, header.hash);
  view.setUint32(104, header.payloadOffset / SECTOR);
  view.setUint32(108, keyBytesOf(header.suite));
  bytes.set(header.keyDigest, 112);
  bytes.set(header.keyDigestSalt, 132);
  view.setUint32(164, header.keyDigestIterations);
  putText(bytes, 168, header.uuid);
  for (const [index, slot] of header.slots.entries()) bytes.set(encodeSlot(slot), slotOffset(index));
  return bytes;
}

/** Where a key slot stands in a header. */
export function slotOffset(index: number): number {
  return SLOTS_AT + index * SLOT_BYTES;
}

/** A key slot as bytes. */
export function encodeSlot(slot: KeySlot): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, slot.active ? ACTIVE : INACTIVE);
  view.setUint32(4, slot.iterations);
  bytes.set(slot.salt, 8);
  view.setUint32(40, slot.materialOffset / SECTOR);
  view.setUint32(44, slot.stripes);
  return bytes;
}

/** Text up to the first zero byte. */
function textAt(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder("latin1").decode(end < 0 ? field : field.subarray(0, end));
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  new TextEncoder().encodeInto(text, bytes.subarray(at));
}
