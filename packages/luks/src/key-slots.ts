import { derive } from "#primitives";

import type { Backend, CallOptions } from "@instar/backend";

import { mergeKey, splitKey } from "./anti-forensic.js";
import { LuksError, ruleError } from "./errors.js";
import { DIGEST_BYTES, type KeySlot, type LuksHeader, parseHeader } from "./header.js";
import { SectorCipher } from "./sector-cipher.js";
import { HEADER_BYTES, SECTOR } from "./sizes.js";

/** What holds a header with its key material, from offset 0 on: a file, or a part of one. */
export type LuksArea = Pick<Backend, "read" | "write" | "sync" | "size">;

/** How to open a volume. */
export interface UnlockOptions extends CallOptions {
  /** The bytes of the passphrase, exactly. */
  readonly passphrase: Uint8Array;
  /**
   * Most rounds of PBKDF2 for one key; a header that asks for more is refused. Defaults to 100 million, which is some
   * ten times what programs use, and half a minute at most.
   */
  readonly maxIterations?: number | undefined;
}

/** A volume whose key is known. */
export interface UnlockedVolume {
  readonly header: LuksHeader;
  /** Number of the key slot that the passphrase has opened, 0 to 7. */
  readonly slot: number;
  /** Encrypts and decrypts with the key of the volume. */
  readonly cipher: SectorCipher;
}

/** The same, with the key itself. */
export interface VolumeKey {
  readonly header: LuksHeader;
  readonly slot: number;
  readonly key: Uint8Array;
}

const MAX_ITERATIONS = 100_000_000;

/**
 * Reads the header of a volume.
 *
 * @throws {@link LuksError} as {@link parseHeader} does; what reading throws
 */
export async function readLuksHeader(area: LuksArea, options: CallOptions = {}): Promise<LuksHeader> {
  const bytes = new Uint8Array(Math.min(HEADER_BYTES, area.size));
  await area.read(bytes, 0, options);
  return parseHeader(bytes, area.size);
}

/**
 * Opens a volume with a passphrase, which is tried on one key slot after the other.
 *
 * @throws {@link LuksError} `ERR_WRONG_PASSPHRASE`; what {@link readLuksHeader} throws
 */
export async function unlock(area: LuksArea, options: UnlockOptions): Promise<UnlockedVolume> {
  const { header, slot, key } = await findKey(area, options);
  return { header, slot, cipher: await SectorCipher.create(header.suite, key) };
}

/** The key of a volume. Throws as {@link unlock} does. */
export async function findKey(area: LuksArea, options: UnlockOptions): Promise<VolumeKey> {
  for await (const found of keysIn(area, options)) return found;
  throw new LuksError("ERR_WRONG_PASSPHRASE", "the passphrase opens no key slot");
}

/** The key of a volume from each key slot that a passphrase opens; or only from the one whose number is given. */
export async function* keysIn(area: LuksArea, options: UnlockOptions, only?: number): AsyncGenerator<VolumeKey> {
  const { passphrase, maxIterations = MAX_ITERATIONS, signal } = options;
  const header = await readLuksHeader(area, { signal });
  refuseGrinding("the key digest", header.keyDigestIterations, maxIterations);
  const slots = [...header.slots.entries()].filter(([index, slot]) => slot.active && (only ?? index) === index);
  for (const [index, slot] of slots) refuseGrinding(`key slot ${index}`, slot.iterations, maxIterations);
  for (const [index, slot] of slots) {
    const key = await openSlot(area, header, slot, passphrase, signal);
    const check = await keyDigest(header, key, signal);
    if (isEqual(check, header.keyDigest)) yield { header, slot: index, key };
  }
}

function refuseGrinding(what: string, iterations: number, most: number): void {
  if (iterations > most) throw ruleError("ERR_INVALID_HEADER", `iterations of ${what}`, iterations, `at most ${most}`);
}

async function openSlot(
  area: LuksArea,
  { suite, hash, keyBytes }: LuksHeader,
  slot: KeySlot,
  passphrase: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const material = new Uint8Array(materialBytes(slot.stripes, keyBytes));
  await area.read(
    material.subarray(0, Math.min(material.byteLength, area.size - slot.materialOffset)),
    slot.materialOffset,
    { signal },
  );
  const slotKey = await abortable(derive(hash, passphrase, slot.salt, slot.iterations, keyBytes), signal);
  (await SectorCipher.create(suite, slotKey)).decrypt(material, 0);
  return mergeKey(material.subarray(0, slot.stripes * keyBytes), slot.stripes, hash);
}

/** The key material of a slot: the key of the volume, split and encrypted with what the passphrase makes. */
export async function sealSlot(
  { suite, hash, keyBytes }: LuksHeader,
  slot: KeySlot,
  key: Uint8Array,
  passphrase: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const material = new Uint8Array(materialBytes(slot.stripes, keyBytes));
  material.set(splitKey(key, slot.stripes, hash));
  const slotKey = await abortable(derive(hash, passphrase, slot.salt, slot.iterations, keyBytes), signal);
  (await SectorCipher.create(suite, slotKey)).encrypt(material, 0);
  return material;
}

/** What a header stores of the key of its volume. */
export async function keyDigest(
  header: Pick<LuksHeader, "hash" | "keyDigestSalt" | "keyDigestIterations">,
  key: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { hash, keyDigestSalt, keyDigestIterations } = header;
  return abortable(derive(hash, key, keyDigestSalt, keyDigestIterations, DIGEST_BYTES), signal);
}

/** Bytes of key material: it is encrypted in whole sectors. */
export function materialBytes(stripes: number, keyBytes: number): number {
  return Math.ceil((stripes * keyBytes) / SECTOR) * SECTOR;
}

/** Ends the wait for what cannot be ended itself. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Compares in a time that does not depend on where the difference is. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.byteLength ^ other.byteLength;
  for (let index = 0; index < one.byteLength; index++) difference |= one[index]! ^ (other[index] ?? 0);
  return difference === 0;
}
