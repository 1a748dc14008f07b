export {
  type CipherMode,
  type CipherName,
  CIPHERS,
  type CipherSuite,
  IV_GENERATORS,
  type IvGenerator,
  MODES,
} from "./cipher-suite.js";
export { isLuksError, LuksError, type LuksErrorCode } from "./errors.js";
export { formatLuks, type LuksFormatOptions, luksHeaderBytes, type NewVolume } from "./format.js";
export { isLuks, type KeySlot, type LuksHeader } from "./header.js";
export type { IterationOptions } from "./iterations.js";
export { type LuksArea, readLuksHeader, unlock, type UnlockedVolume, type UnlockOptions } from "./key-slots.js";
export { type LuksCreateOptions, LuksDisk, type LuksOpenOptions } from "./luks-disk.js";
export {
  addPassphrase,
  type AddPassphraseOptions,
  removePassphrase,
  type RemovePassphraseOptions,
} from "./passphrases.js";
export { HASHES, type HashName } from "./hashes.js";
export { SectorCipher } from "./sector-cipher.js";
