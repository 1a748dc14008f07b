export { BaseBackend } from "./base-backend.js";
export type { Backend, CallOptions, Capabilities, Extent } from "./contract.js";
export { BackendError, type BackendErrorCode, type BackendErrorInit, isBackendError } from "./errors.js";
export { extentsOf } from "./extents-of.js";
export { MemoryBackend, type MemoryBackendOptions } from "./memory-backend.js";
export { MemoryPages } from "./memory-pages.js";
export { memoryPlugin } from "./memory-plugin.js";
export { type BackendPlugin, BackendRegistry, type OpenOptions } from "./registry.js";
export { zeroRange } from "./zero-range.js";
