export type { CheckOptions } from "./check/check-image.js";
export type { CheckProblem, CheckReport } from "./check/report.js";
export { isQcow2Error, Qcow2Error, type Qcow2ErrorCode, type Qcow2ErrorInit } from "./errors.js";
export type { FeatureKind } from "./features.js";
export { probeQcow2 } from "./header.js";
export type { Qcow2Info } from "./info.js";
