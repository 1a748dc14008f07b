import { CacheError } from "./errors.js";
import type { CacheOptions } from "./types.js";

/** @throws `CacheError` `ERR_ARGUMENT` for the first option that is out of its range. */
export function checkOptions<K, V>(options: CacheOptions<K, V>): void {
  const name = options.name ?? "cache";
  for (const count of ["limit", "maxWriteBacks", "maxBatch", "evictionBatch"] as const) {
    const value = options[count];
    if (value === undefined && count !== "limit") continue;
    if (value !== undefined && Number.isSafeInteger(value) && value >= 1) continue;
    throw new CacheError("ERR_ARGUMENT", `${name}: ${count} is ${value}, but must be an integer from 1`);
  }
  const { maxWeight, weigh } = options;
  if (maxWeight === undefined) return;
  if (!weigh) throw new CacheError("ERR_ARGUMENT", `${name}: maxWeight needs weigh`);
  if (!(maxWeight > 0)) throw new CacheError("ERR_ARGUMENT", `${name}: maxWeight is ${maxWeight}, but must be over 0`);
}
