export { ConformanceError } from "./assert.js";
export { describeBackend } from "./describe-backend.js";
export type { BackendFactory, ConformanceOptions, Subject, TestRunner } from "./types.js";
