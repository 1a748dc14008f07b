import { AsyncLruCache } from "@instar/lru-cache";
import { median, timed } from "../measure.js";
import { figure, table } from "../table.js";
import { filledCache } from "./peers.js";

const SIZES = [100, 1000, 10_000, 100_000, 1_000_000];
const EVICTIONS = 200_000;

/**
 * What an eviction costs at different sizes: misses in a full cache, beside the same number of `Map` insertions and
 * deletions at that size, which any cache over a `Map` pays, and which grow with the size as processor caches overflow.
 */
export async function evictions(rounds: number): Promise<string> {
  const rows: string[][] = [];
  let first: { readonly whole: number; readonly own: number } | undefined;
  for (const size of SIZES) {
    const cache = await filledCache(size);
    const map = new Map<number, number>();
    for (let key = 0; key < size; key++) map.set(key, key);
    let next = size;
    let plain = size;
    const whole: number[] = [];
    const own: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const miss = await timed(EVICTIONS, () => fill(cache, next, EVICTIONS));
      const raw = await timed(EVICTIONS, () => {
        for (let count = 0; count < EVICTIONS; count++) {
          map.delete(plain - size);
          map.set(plain, plain);
          plain++;
        }
      });
      next += EVICTIONS;
      if (round < 0) continue;
      whole.push(miss);
      own.push(miss - raw);
    }
    const now = { whole: median(whole), own: median(own) };
    first ??= now;
    const cells = [now.whole, now.whole / first.whole, now.own, now.own / first.own];
    rows.push([size.toLocaleString("en"), ...cells.map(figure)]);
  }
  const head = ["entries", "miss + eviction, ns", "against 100", "without the `Map` part, ns", "against 100"];
  return `## Eviction\n\n${table(head, rows)}`;
}

async function fill(cache: AsyncLruCache<number, number>, from: number, count: number): Promise<void> {
  for (let key = from; key < from + count; key++) (await cache.acquire(key)).release();
}
