export { isVmdkError, VmdkError, type VmdkErrorCode, type VmdkErrorInit } from "./errors.js";
