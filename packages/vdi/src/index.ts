export { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError } from "@instar/image-format";
export { probeVdi, type VdiHeader } from "./header.js";
export { VdiImage, type VdiOpenOptions } from "./image.js";
