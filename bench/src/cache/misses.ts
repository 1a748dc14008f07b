import { AsyncLruCache } from "@instar/lru-cache";
import { LRUCache } from "lru-cache";
import { inTurns, timed } from "../measure.js";
import { figure, table } from "../table.js";
import { filledCache } from "./peers.js";
import { ScanAllCache } from "./scan-all.js";

const MISSES = 100_000;

/** Misses whose load answers at once, in a full cache: each drops the oldest entry. */
export async function misses(size: number, rounds: number): Promise<string> {
  const ours = await filledCache(size);
  const dirty = new AsyncLruCache<number, number>({ limit: size, io: { load: (key) => key, store: () => {} } });
  const lru = new LRUCache<number, number>({ max: size, fetchMethod: (key) => key });
  let next = size;
  for (let key = 0; key < size; key++) lru.set(key, key);
  const things = new Map([
    [
      "lru-cache `fetch`",
      () =>
        timed(MISSES, async () => {
          for (let count = 0; count < MISSES; count++) await lru.fetch(next++);
        }),
    ],
    [
      "**@instar/lru-cache** `acquire` + `release`",
      () =>
        timed(MISSES, async () => {
          for (let count = 0; count < MISSES; count++) (await ours.acquire(next++)).release();
        }),
    ],
    [
      "**@instar/lru-cache**, every entry dirty and written back",
      () =>
        timed(MISSES, async () => {
          for (let count = 0; count < MISSES; count++) {
            const lease = await dirty.acquire(next++);
            lease.markDirty();
            lease.release();
          }
        }),
    ],
  ]);
  if (size <= 1000) {
    const scan = new ScanAllCache<number, number>(size, (key) => key);
    things.set("scan-all port: acquire + release", () =>
      timed(MISSES, async () => {
        for (let count = 0; count < MISSES; count++) scan.release(await scan.acquire(next++));
      }),
    );
  }
  const results = await inTurns(rounds, things);
  const rows = results.map(({ name, nanoseconds, ratio }) => [name, figure(nanoseconds), figure(1 / ratio)]);
  const head = ["", "ns", "speed, lru-cache = 1"];
  return `## Miss with an immediate load, ${size.toLocaleString("en")} entries, all full\n\n${table(head, rows)}`;
}
