export { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError } from "@instar/image-format";
export { probeVhd, type SizeRule } from "./footer.js";
export { VhdImage, type VhdInfo } from "./image.js";
export type { VhdOpenOptions } from "./open.js";
export type { ParentReference, ReferenceGate } from "./references.js";
