export { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError } from "@instar/image-format";
export { probeVhdx } from "./header.js";
export { VhdxImage, type VhdxInfo, type VhdxOpenOptions } from "./image.js";
export type { ParentReference, ReferenceGate } from "./references.js";
