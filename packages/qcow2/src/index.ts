export { isQcow2Error, Qcow2Error, type Qcow2ErrorCode, type Qcow2ErrorInit } from "./errors.js";
export { probeQcow2 } from "./header.js";
