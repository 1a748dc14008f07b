export { isVmdkError, VmdkError, type VmdkErrorCode, type VmdkErrorInit } from "./errors.js";
export { VmdkImage, type VmdkInfo } from "./image.js";
export { probeVmdk, type VmdkOpenOptions } from "./open.js";
export type { ImageReference, ReferenceGate } from "./references.js";
