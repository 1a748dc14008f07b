import { LRUCache } from "lru-cache";
import { figure, table } from "../table.js";
import { filledCache, randomKeys } from "./peers.js";

const ENTRIES = 1_000_000;
const HITS = 10_000;

function heapAndBuffers(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Bytes per entry for small integers as keys and values, and what a hit allocates. */
export async function memory(): Promise<string> {
  const before = heapAndBuffers();
  const ours = await filledCache(ENTRIES);
  const between = heapAndBuffers();
  const lru = new LRUCache<number, number>({ max: ENTRIES });
  for (let key = 0; key < ENTRIES; key++) lru.set(key, key);
  const after = heapAndBuffers();
  const rows = [
    ["lru-cache", figure((after - between) / ENTRIES)],
    ["**@instar/lru-cache**", figure((between - before) / ENTRIES)],
  ];
  const keys = randomKeys(HITS, ENTRIES);
  const leases = new Array<unknown>(HITS).fill(undefined);
  const idle = heapAndBuffers();
  for (const [index, key] of keys.entries()) leases[index] = ours.tryAcquire(key);
  const perHit = (heapAndBuffers() - idle) / HITS;
  return [
    `## Memory, ${ENTRIES.toLocaleString("en")} entries`,
    table(["", "bytes per entry"], rows),
    `A hit allocates its lease, ${figure(perHit)} bytes, and nothing else (${leases.length.toLocaleString("en")} leases held; size ${lru.size.toLocaleString("en")}).`,
  ].join("\n\n");
}
