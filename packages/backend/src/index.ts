export { BaseBackend } from "./base-backend.js";
export type { Backend, CallOptions, Capabilities, Extent } from "./contract.js";
export { BackendError, type BackendErrorCode, type BackendErrorInit, isBackendError } from "./errors.js";
export { type BackendPlugin, BackendRegistry, type OpenOptions } from "./registry.js";
