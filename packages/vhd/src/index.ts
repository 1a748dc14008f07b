export { isVhdError, VhdError, type VhdErrorCode, type VhdErrorInit } from "./errors.js";
