export { isVhdxError, VhdxError, type VhdxErrorCode, type VhdxErrorInit } from "./errors.js";
