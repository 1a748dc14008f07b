import { AsyncLruCache } from "@instar/lru-cache";
import { LRUCache } from "lru-cache";
import { LRUMap } from "mnemonist";
import QuickLRU from "quick-lru";
import { ScanAllCache } from "./scan-all.js";

/** Sums up, so that the engine cannot skip the reads. */
export interface Sink {
  sum: number;
}

/** A cache that holds the keys 0 to size-1, each its own value. */
export interface Peer {
  readonly name: string;
  /** Gets every key of `keys` once, all of them hits. */
  hit(keys: Uint32Array, sink: Sink): void;
}

/** Our cache, with a load that answers at once. */
export async function filledCache(size: number): Promise<AsyncLruCache<number, number>> {
  const cache = new AsyncLruCache<number, number>({ limit: size, io: { load: (key) => key, store: () => {} } });
  for (let key = 0; key < size; key++) (await cache.acquire(key)).release();
  return cache;
}

/** Ours and its peers, filled. */
export async function filledPeers(size: number): Promise<Peer[]> {
  const ours = await filledCache(size);
  const lru = new LRUCache<number, number>({ max: size });
  const quick = new QuickLRU<number, number>({ maxSize: size });
  const map = new LRUMap<number, number>(size);
  const scan = new ScanAllCache<number, number>(size, (key) => key);
  for (let key = 0; key < size; key++) {
    lru.set(key, key);
    quick.set(key, key);
    map.set(key, key);
    scan.release(await scan.acquire(key));
  }
  return [
    {
      name: "lru-cache `get`",
      hit: (keys, sink) => {
        for (const key of keys) sink.sum += lru.get(key) ?? 0;
      },
    },
    {
      name: "**@instar/lru-cache** `tryAcquire` + `release`",
      hit: (keys, sink) => {
        for (const key of keys) {
          const lease = ours.tryAcquire(key);
          if (!lease) continue;
          sink.sum += lease.value;
          lease.release();
        }
      },
    },
    {
      name: "quick-lru `get`",
      hit: (keys, sink) => {
        for (const key of keys) sink.sum += quick.get(key) ?? 0;
      },
    },
    {
      name: "mnemonist `LRUMap.get`",
      hit: (keys, sink) => {
        for (const key of keys) sink.sum += map.get(key) ?? 0;
      },
    },
    {
      name: "scan-all port: acquire + release",
      hit: (keys, sink) => {
        for (const key of keys) {
          const entry = scan.tryAcquire(key);
          if (!entry) continue;
          sink.sum += entry.value;
          scan.release(entry);
        }
      },
    },
  ];
}

/** `count` keys below `size`, the same at every call. */
export function randomKeys(count: number, size: number): Uint32Array {
  let state = 0x9e37_79b9;
  return Uint32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % size;
  });
}
