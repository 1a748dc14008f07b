import { AsyncLruCache } from "@instar/lru-cache";
import { median, timed } from "../measure.js";
import { figure, table } from "../table.js";

const SIZES = [100, 1000, 10_000, 100_000, 1_000_000];
const EVICTIONS = 200_000;

/** How keys follow each other: the number of a miss, made a key. No key comes twice. */
const ORDERS: ReadonlyMap<string, (count: number) => number> = new Map([
  ["in a row", (count) => count],
  ["every 4,096th", (count) => count * 4096],
  ["scattered over 2^32", (count) => Math.imul(count, 0x9e3779b1) >>> 0],
]);

/** A full cache, and how many keys it has been given. */
interface Full {
  readonly cache: AsyncLruCache<number, number>;
  count: number;
}

/** What an eviction costs at different sizes: misses in a full cache, each of which drops the oldest entry. */
export async function evictions(rounds: number): Promise<string> {
  const columns: number[][] = [];
  for (const keyOf of ORDERS.values()) {
    const caches: Full[] = SIZES.map((limit) => ({
      cache: new AsyncLruCache({ limit, io: { load: (key) => key, store: () => {} } }),
      count: 0,
    }));
    for (const [index, full] of caches.entries()) await miss(full, keyOf, SIZES[index] ?? 0);
    const times: number[][] = SIZES.map(() => []);
    // Sizes take turns, so that the drift of the machine meets all of them.
    for (let round = -1; round < rounds; round++) {
      for (const [index, full] of caches.entries()) {
        const time = await timed(EVICTIONS, () => miss(full, keyOf, EVICTIONS));
        if (round >= 0) times[index]?.push(time);
      }
    }
    columns.push(times.map(median));
  }
  const rows = SIZES.map((size, index) => [
    size.toLocaleString("en"),
    ...columns.flatMap((column) => [column[index] ?? NaN, (column[index] ?? NaN) / (column[0] ?? NaN)]).map(figure),
  ]);
  const head = ["entries", ...[...ORDERS.keys()].flatMap((name) => [`keys ${name}: ns`, "against 100"])];
  return `## Miss with an immediate load, and the eviction of the oldest\n\n${table(head, rows)}`;
}

async function miss(full: Full, keyOf: (count: number) => number, misses: number): Promise<void> {
  for (const end = full.count + misses; full.count < end; full.count++) {
    (await full.cache.acquire(keyOf(full.count))).release();
  }
}
