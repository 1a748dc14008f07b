export * from "./engine/index.js";
export { HttpBackend } from "./http-backend.js";
export { type HttpHeadersOption, type HttpOpenOptions, type HttpOptions } from "./http-options.js";
export { httpPlugin } from "./http-plugin.js";
