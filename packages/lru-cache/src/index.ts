export { AsyncLruCache } from "./cache.js";
export { DirectWrites, type DirectWritesOptions } from "./direct-writes.js";
export { CacheError, type CacheErrorCode, type CacheErrorInit, isCacheError } from "./errors.js";
export { FlushNode } from "./flush-node.js";
export type {
  CacheCounters,
  CacheEvent,
  CacheOptions,
  EntryIo,
  Lease,
  LoadWait,
  Neighbours,
  WaitOptions,
} from "./types.js";
