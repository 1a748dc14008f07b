import { LuksError, ruleError } from "./errors.js";
import { random } from "./format.js";
import { encodeSlot, type KeySlot, type LuksHeader, SALT_BYTES, slotOffset, SLOTS } from "./header.js";
import { chooseIterations, type IterationOptions } from "./iterations.js";
import {
  findKey,
  keysIn,
  type LuksArea,
  materialBytes,
  readLuksHeader,
  sealSlot,
  type UnlockOptions,
} from "./key-slots.js";

/** How to add a passphrase. */
export interface AddPassphraseOptions extends UnlockOptions, IterationOptions {
  /** The bytes of the new passphrase; `passphrase` is one that opens the volume already. */
  readonly newPassphrase: Uint8Array;
  /** The key slot to use, 0 to 7; defaults to the first that is free. */
  readonly slot?: number | undefined;
}

/** How to remove a passphrase. */
export interface RemovePassphraseOptions extends Omit<UnlockOptions, "passphrase"> {
  /** The passphrase to remove, from every key slot that it opens. */
  readonly passphrase?: Uint8Array | undefined;
  /** The only key slot to clear, 0 to 7. Without `passphrase` it is cleared whatever opens it. */
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
 * @returns the numbers of the key slots that it has cleared
 * @throws {@link LuksError} `ERR_LAST_SLOT` where no other would be left, `ERR_NO_SLOT` for a slot that is not in use,
 *   `ERR_WRONG_PASSPHRASE`. Nothing has been changed then.
 */
export async function removePassphrase(area: LuksArea, options: RemovePassphraseOptions): Promise<readonly number[]> {
  const { signal } = options;
  const header = await readLuksHeader(area, { signal });
  const cleared = await slotsOf(area, header, options);
  if (header.slots.filter(({ active }) => active).length === cleared.length) {
    const what =
      cleared.length === 1 ? `key slot ${cleared[0]} is the only one` : `key slots ${cleared.join(", ")} are all`;
    throw new LuksError("ERR_LAST_SLOT", `${what} in use: without it the data would be lost`);
  }
  for (const index of cleared) {
    const slot = slotOf(header, index);
    await area.write(random(materialBytes(slot.stripes, header.keyBytes)), slot.materialOffset);
    await writeSlot(area, index, { ...slot, active: false, iterations: 0, salt: new Uint8Array(SALT_BYTES) });
  }
  return cleared;
}

async function slotsOf(area: LuksArea, header: LuksHeader, options: RemovePassphraseOptions): Promise<number[]> {
  const { passphrase, slot } = options;
  if (slot !== undefined) refuseUnused(header, slot);
  if (passphrase === undefined) {
    if (slot !== undefined) return [slot];
    throw ruleError("ERR_INVALID_OPTION", "slot", "absent", "given where passphrase is not");
  }
  const opened: number[] = [];
  for await (const found of keysIn(area, { ...options, passphrase }, slot)) opened.push(found.slot);
  if (opened.length > 0) return opened;
  const what = slot === undefined ? "no key slot" : `key slot ${slot} not`;
  throw new LuksError("ERR_WRONG_PASSPHRASE", `the passphrase opens ${what}`);
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

function refuseUnused(header: LuksHeader, index: number): void {
  if (!slotOf(header, index).active) throw new LuksError("ERR_NO_SLOT", `key slot ${index} is not in use`);
}

/** Writes one slot, after all that it needs is durable, and makes it durable. The rest of the header stays as it is. */
async function writeSlot(area: LuksArea, index: number, slot: KeySlot): Promise<void> {
  await area.sync();
  await area.write(encodeSlot(slot), slotOffset(index));
  await area.sync();
}
