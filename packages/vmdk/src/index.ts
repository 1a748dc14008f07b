export { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError } from "@instar/image-format";
export { type VmdkExtentInfo, VmdkImage, type VmdkInfo } from "./image.js";
export { probeVmdk, type VmdkOpenOptions } from "./open.js";
export type { ReferenceGate, VmdkReference } from "./references.js";
