export type { AmendOptions } from "./amend.js";
export type { BitmapInfo, Bitmaps, BitmapSource, DirtyRange, NewBitmap } from "./bitmaps.js";
export type { CheckOptions } from "./check/check-image.js";
export type { ImageCheckOptions } from "./check/check-open-image.js";
export { repairQcow2 } from "./check/repair-file.js";
export type { RepairWhat } from "./check/repair-image.js";
export type { CheckProblem, CheckReport, FixedProblems } from "./check/report.js";
export type { CreateLayoutOptions } from "./create-options.js";
export type { Encryption } from "./encryption.js";
export { isQcow2Error, Qcow2Error, type Qcow2ErrorCode } from "./errors.js";
export type { FeatureKind } from "./features.js";
export type { Qcow2Key } from "./guest-cipher.js";
export { probeQcow2 } from "./header.js";
export type { Qcow2Info } from "./info.js";
export { Qcow2Image } from "./image.js";
export { ImageError, type ImageErrorInit, isImageError, mapOf, type Mapping } from "@instar/image-format";
export type {
  CompressedWriteOptions,
  NewEncryption,
  Qcow2CacheOptions,
  Qcow2CreateOptions,
  Qcow2OpenOptions,
} from "./options.js";
export type { PreallocateOptions, Preallocation } from "./preallocate.js";
export type { ImageReference, ReferenceGate } from "./references.js";
export type { SnapshotInfo } from "./snapshot-entry.js";
export { findSnapshot, type NewSnapshot, type SnapshotRef, type Snapshots } from "./snapshots.js";
export type { CacheLimits, TableCounters } from "./tables.js";
export type { VmState } from "./vm-state.js";
