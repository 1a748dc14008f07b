export { HttpBackend } from "./http-backend.js";
export { type HttpHeadersOption, type HttpOpenOptions, type HttpOptions } from "./http-options.js";
export { httpPlugin } from "./http-plugin.js";
export { rangeCounters, type RangeCounters } from "./engine/index.js";
