import { CacheError, type CacheEvent } from "@instar/lru-cache";

/** How a `BlockCache` caches. Sizes are in bytes. */
export interface BlockCacheOptions {
  /** For errors and events. Defaults to the name of the backend. */
  readonly name?: string;
  /**
   * How much to keep, at least one block; defaults to 32 MiB. Transfers under way come on top: `parallel` reads and as
   * many writes, of `maxTransfer` each, and the blocks of requests that are being answered.
   */
  readonly bytes?: number;
  /** Size of a block: a power of two from 512; defaults to 64 KiB. */
  readonly blockSize?: number;
  /** How much one read or write of the backend may combine, at least a block; defaults to 1 MiB. */
  readonly maxTransfer?: number;
  /** How many reads, and how many writes, of the backend may be under way at once; defaults to 16. */
  readonly parallel?: number;
  /**
   * How much to read in advance of whoever reads sequentially; it begins with twice what was read and doubles up to
   * this. All that waits to be read takes no more than a quarter of the cache. Defaults to 0: nothing.
   */
  readonly readAhead?: number;
  /**
   * Reads of this much or more leave the cache as it is: what it lacks is read right into the caller's buffer.
   * Defaults to a quarter of `bytes`; `Infinity` turns it off.
   */
  readonly directRead?: number;
  /**
   * Let a block go once it is written, though not synced yet. Saves a sync per round of eviction; but when a later sync
   * fails, what it should have made durable may be lost. Defaults to `false`: what is not durable stays in the cache.
   */
  readonly dropUnsynced?: boolean;
  /** Is told what happens, as it happens; keys are offsets divided by the block size. Must not throw. */
  readonly observer?: (event: CacheEvent<number>) => void;
}

/** Options with their defaults, in the units the parts work with. */
export interface Settings {
  readonly name: string;
  readonly blockSize: number;
  /** How many blocks to keep. */
  readonly limit: number;
  /** How many blocks one transfer may combine. */
  readonly runLength: number;
  readonly parallel: number;
  readonly readAhead: number;
  readonly directRead: number | undefined;
}

/** @throws `CacheError` `ERR_ARGUMENT` naming the option that is out of its range. */
export function settingsOf(backendName: string, options: BlockCacheOptions): Settings {
  const { name = backendName, bytes = 32 * 1024 * 1024, blockSize = 65_536, maxTransfer = 1024 * 1024 } = options;
  const { parallel = 16, readAhead = 0, directRead } = options;
  const check = (ok: boolean, option: string, value: number, rule: string): void => {
    if (!ok) throw new CacheError("ERR_ARGUMENT", `${name}: ${option} is ${value}, but must be ${rule}`);
  };
  const powerOfTwo = Number.isSafeInteger(blockSize) && blockSize >= 512 && Number.isInteger(Math.log2(blockSize));
  check(powerOfTwo, "blockSize", blockSize, "a power of two from 512");
  check(maxTransfer >= 1, "maxTransfer", maxTransfer, "1 or more");
  check(Number.isSafeInteger(parallel) && parallel >= 1, "parallel", parallel, "an integer from 1");
  check(readAhead >= 0, "readAhead", readAhead, "0 or more");
  if (directRead !== undefined) check(directRead >= 1, "directRead", directRead, "1 or more");
  return {
    name,
    blockSize,
    limit: limitOf(name, bytes, blockSize),
    runLength: Math.max(1, Math.floor(Math.min(maxTransfer, 2 ** 30) / blockSize)),
    parallel,
    readAhead,
    directRead,
  };
}

/** How many blocks are so many bytes. */
export function limitOf(name: string, bytes: number, blockSize: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= blockSize) return Math.floor(bytes / blockSize);
  const rule = `an integer from the size of a block, ${blockSize}`;
  throw new CacheError("ERR_ARGUMENT", `${name}: bytes is ${bytes}, but must be ${rule}`);
}
