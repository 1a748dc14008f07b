import { LuksError, ruleError } from "./errors.js";
import { random } from "./format.js";
import { encodeSlot, type KeySlot, type LuksHeader, SALT_BYTES, slotOffset, SLOTS } from "./header.js";
import { chooseIterations, type IterationOptions } from "./iterations.js";
import { findKey, type LuksArea, materialBytes, readLuksHeader, sealSlot, type UnlockOptions } from "./key-slots.js";

/** How to add a passphrase. */
export interface AddPassphraseOptions extends UnlockOptions, IterationOptions {
  /** The bytes of the new passphrase; `passphrase` is one that opens the volume already. */
  readonly newPassphrase: Uint8Array;
  /** The key slot to use, 0 to 7; defaults to the first that is free. */
  readonly slot?: number | undefined;
}

/** How to remove a passphrase. */
export interface RemovePassphraseOptions extends Omit<UnlockOptions, "passphrase"> {
  /** The passphrase to remove; or `slot` is given. */
  readonly passphrase?: Uint8Array | undefined;
  /** The key slot to clear, 0 to 7, for a passphrase that nobody knows. */
  readonly slot?: number | undefined;
}

/**
 * Adds a passphrase. Stopped anywhere, it leaves the volume with the passphrases it had, or with the new one too.
 *
 * @returns the number of its key slot
 * @throws {@link LuksError} `ERR_NO_SLOT` where none is free; what {@link unlock} throws
 */
export async function addPassphrase(area: LuksArea, options: AddPassphraseOptions): Promise<number> {
  const { newPassphrase, signal } = options;
  const { header, key } = await findKey(area, options);
  const index = freeSlot(header, options.slot);
  const old = slotOf(header, index);
  const iterations = await chooseIterations(options, header.hash, header.keyBytes);
  const slot: KeySlot = { ...old, active: false, iterations, salt: random(SALT_BYTES) };
  const material = await sealSlot(header, slot, key, newPassphrase, signal);
  await area.write(material, slot.materialOffset);
  // The salt may lie in another sector than the state that says it is good.
  await writeSlot(area, index, slot);
  await writeSlot(area, index, { ...slot, active: true });
  return index;
}

/**
 * Removes a passphrase and overwrites its key material. Stopped anywhere, it leaves the volume with the other ones.
 *
 * @returns the number of its key slot
 * @throws {@link LuksError} `ERR_LAST_SLOT` for the only one, `ERR_NO_SLOT` for a slot that is not in use,
 *   `ERR_WRONG_PASSPHRASE`
 */
export async function removePassphrase(area: LuksArea, options: RemovePassphraseOptions): Promise<number> {
  const { passphrase, signal } = options;
  const header = await readLuksHeader(area, { signal });
  if ((passphrase === undefined) === (options.slot === undefined)) {
    throw ruleError("ERR_INVALID_OPTION", "slot", options.slot ?? "absent", "given where passphrase is not");
  }
  const index =
    passphrase === undefined ? usedSlot(header, options.slot) : (await findKey(area, { ...options, passphrase })).slot;
  if (header.slots.filter(({ active }) => active).length === 1) {
    throw new LuksError("ERR_LAST_SLOT", `key slot ${index} is the only one in use: without it the data would be lost`);
  }
  const slot = slotOf(header, index);
  await area.write(random(materialBytes(slot.stripes, header.keyBytes)), slot.materialOffset);
  await writeSlot(area, index, { ...slot, active: false, iterations: 0, salt: new Uint8Array(SALT_BYTES) });
  return index;
}

function slotOf(header: LuksHeader, index: number): KeySlot {
  const slot = header.slots[index];
  if (slot === undefined) throw ruleError("ERR_INVALID_OPTION", "slot", index, `an integer from 0 to ${SLOTS - 1}`);
  return slot;
}

function freeSlot(header: LuksHeader, wanted: number | undefined): number {
  const index = wanted ?? header.slots.findIndex(({ active }) => !active);
  if (index < 0) throw new LuksError("ERR_NO_SLOT", `all ${SLOTS} key slots are in use`);
  if (slotOf(header, index).active) throw new LuksError("ERR_NO_SLOT", `key slot ${index} is in use`);
  return index;
}

function usedSlot(header: LuksHeader, index = -1): number {
  if (slotOf(header, index).active) return index;
  throw new LuksError("ERR_NO_SLOT", `key slot ${index} is not in use`);
}

/** Writes one slot, after all that it needs is durable, and makes it durable. The rest of the header stays as it is. */
async function writeSlot(area: LuksArea, index: number, slot: KeySlot): Promise<void> {
  await area.sync();
  await area.write(encodeSlot(slot), slotOffset(index));
  await area.sync();
}
