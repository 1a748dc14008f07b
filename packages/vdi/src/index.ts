export { isVdiError, VdiError, type VdiErrorCode, type VdiErrorInit } from "./errors.js";
