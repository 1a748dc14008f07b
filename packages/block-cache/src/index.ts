export { BlockCache, type BlockCacheCounters } from "./block-cache.js";
export type { BlockCacheOptions } from "./options.js";
