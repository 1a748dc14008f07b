import { BlockCache, type BlockCacheOptions } from "@instar/block-cache";
import type { Backend } from "@instar/backend";

import { discard, read, resize, sync, write, zero } from "./operations.ts";
import { offsetOf, type Scene } from "./scene.ts";

const SECTORS = 300;
const FIRST_SIZE = 150;

/** A block cache of a few blocks over a plain file: what was synced is there, and every sector is old or new. */
function sceneOf(options: BlockCacheOptions & { readonly punches: boolean }): Scene {
  const { punches, ...cacheOptions } = options;
  return {
    title: `block cache ${JSON.stringify(options)}`,
    sectors: SECTORS,
    gap: 0,
    filler: 0,
    firstSize: FIRST_SIZE,
    backed: 0,
    files: 1,
    growsByWrites: true,
    abilities: { writeZeroes: punches, discard: punches },
    operations: punches ? [write, zero, discard, read, sync, resize] : [write, read, sync, resize],
    async create([file]) {
      await file?.truncate(offsetOf({ gap: 0 }, FIRST_SIZE));
      return new BlockCache(file as Backend, cacheOptions);
    },
    reopen: async ([file]) => new BlockCache(file as Backend, cacheOptions),
    examine: async () => {},
  };
}

/** Caches of different shapes. */
export const cacheScenes: readonly Scene[] = [
  { blockSize: 512, bytes: 6 * 512, punches: true },
  { blockSize: 4096, bytes: 3 * 4096, readAhead: 8192, punches: true },
  { blockSize: 1024, bytes: 20 * 1024, maxTransfer: 4096, dropUnsynced: true, punches: false },
].map(sceneOf);
