export { isVhdError, VhdError, type VhdErrorCode, type VhdErrorInit } from "./errors.js";
export { probeVhd, type SizeRule } from "./footer.js";
export { VhdImage, type VhdInfo } from "./image.js";
export type { VhdOpenOptions } from "./open.js";
export type { ImageReference, ReferenceGate } from "./references.js";
