import type { Backend } from "@instar/backend";
import type { NewVolume } from "@instar/luks";

import { createImageFile, planImage } from "./create-layout.js";
import { emptyDataFile, requireDataFile } from "./data-file.js";
import { ruleError } from "./errors.js";
import { type GuestCipher, loadLuks, luksFailure } from "./guest-cipher.js";
import { requireBacking } from "./open.js";
import type { Qcow2CreateOptions } from "./options.js";

/**
 * Makes the files of a new image. The data file comes first: an image never shows what it held before.
 *
 * @returns how the guest data is to be encrypted, if it is
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` before anything is changed
 */
export async function createFiles(file: Backend, options: Qcow2CreateOptions): Promise<GuestCipher | undefined> {
  const { dataFile, encryption, size, signal } = options;
  requireBacking(file, options);
  requireDataFile(file, options);
  if (encryption && dataFile?.raw === true) {
    throw ruleError("ERR_INVALID_OPTION", file.name, "dataFile.raw", "true", "false where the data is encrypted");
  }
  const volume = await newVolume(file, options);
  if (dataFile) await emptyDataFile(dataFile.backend, size);
  await createImageFile(file, options, volume?.bytes, { signal });
  return volume && { cipher: volume.cipher, by: "host" };
}

/** The LUKS header of a new image. All other options are looked at before, since it takes its time. */
async function newVolume(file: Backend, options: Qcow2CreateOptions): Promise<NewVolume | undefined> {
  const { encryption, signal } = options;
  if (!encryption) {
    planImage(options, file.name);
    return undefined;
  }
  const luks = await loadLuks();
  try {
    planImage(options, file.name, luks.luksHeaderBytes(encryption));
    return await luks.formatLuks({ ...encryption, signal });
  } catch (error) {
    throw luksFailure(luks, error, file.name);
  }
}
