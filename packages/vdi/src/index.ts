export { isVdiError, VdiError, type VdiErrorCode, type VdiErrorInit } from "./errors.js";
export { probeVdi, type VdiHeader } from "./header.js";
export { VdiImage, type VdiOpenOptions } from "./image.js";
