export { isVhdxError, VhdxError, type VhdxErrorCode, type VhdxErrorInit } from "./errors.js";
export { probeVhdx } from "./header.js";
export { VhdxImage, type VhdxInfo, type VhdxOpenOptions } from "./image.js";
export type { ImageReference, ReferenceGate } from "./references.js";
