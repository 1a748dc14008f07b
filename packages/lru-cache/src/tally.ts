import type { CacheCounters } from "./types.js";

/** The counters of a cache while it counts. */
export type Tally = { -readonly [Name in keyof CacheCounters]: CacheCounters[Name] };

/** Counters that have counted nothing. */
export function newTally(): Tally {
  return { hits: 0, misses: 0, loads: 0, evictions: 0, writeBacks: 0, dependencyFlushes: 0, syncs: 0 };
}
