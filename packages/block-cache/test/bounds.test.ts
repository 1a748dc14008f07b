import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { BlockCache, type BlockCacheOptions } from "../src/index.js";
import { pattern, readRange } from "./bytes.js";
import { holdCalls, settled, setUp } from "./setup.js";

it("keeps no more blocks than fit, whatever is read and written", async () => {
  const events: string[] = [];
  let resident = 0;
  let most = 0;
  const { cache } = setUp(300 * 512, {
    bytes: 8 * 512 + 511,
    observer: ({ type }) => {
      events.push(type);
      if (type === "load") resident++;
      if (type === "evict") resident--;
      most = Math.max(most, resident);
    },
  });
  expect(cache.bytes).toBe(8 * 512);
  for (let at = 0; at < 300; at += 3) await readRange(cache, at * 512, 3 * 512 - 100);
  for (let at = 0; at < 300; at += 7) await cache.write(pattern(5 * 512, at), Math.min(at, 290) * 512 + 3);
  expect(most).toBeLessThanOrEqual(9);
  expect(events).toContain("stored");
  expect(cache.counters.evictions).toBeGreaterThan(200);
});

it("has no more reads of the backend under way than parallel says", async () => {
  const { cache, below, contents } = setUp(300 * 512, { parallel: 3 });
  let running = 0;
  let most = 0;
  below.before = async () => {
    most = Math.max(most, ++running);
    await settled();
    running--;
  };
  const found = await Promise.all(Array.from({ length: 50 }, (_, at) => readRange(cache, at * 3 * 512, 10)));
  expect(most).toBe(3);
  expect(found[49]).toEqual(contents.subarray(49 * 3 * 512, 49 * 3 * 512 + 10));
});

it("shrinks and grows at run time, and writes back what has to go", async () => {
  const { cache, contents, stored } = setUp(64 * 512, { bytes: 32 * 512 });
  const source = pattern(20 * 512, 1);
  await cache.write(source, 0);
  contents.set(source);
  await cache.resize(2 * 512);
  expect(cache.bytes).toBe(1024);
  expect(stored().subarray(0, 17 * 512)).toEqual(contents.subarray(0, 17 * 512));
  expect(await readRange(cache, 0, contents.length)).toEqual(contents);
  await cache.resize(64 * 512);
  expect(cache.bytes).toBe(64 * 512);
  await expect(cache.resize(511)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
});

it("a hit waits for nobody's miss", async () => {
  const { cache, below, contents } = setUp(64 * 512);
  await readRange(cache, 0, 10);
  const held = holdCalls(below, "read");
  const miss = readRange(cache, 1024, 10);
  expect(await readRange(cache, 0, 10)).toEqual(contents.subarray(0, 10));
  held.open();
  await miss;
});

describe("options out of range are refused by name", () => {
  const wrong: [string, BlockCacheOptions][] = [
    ["blockSize", { blockSize: 256 }],
    ["blockSize", { blockSize: 1000 }],
    ["blockSize", { blockSize: Number.NaN }],
    ["bytes", { bytes: 65_535 }],
    ["bytes", { bytes: 1e6 + 0.5 }],
    ["maxTransfer", { maxTransfer: 0 }],
    ["parallel", { parallel: 0 }],
    ["parallel", { parallel: 1.5 }],
    ["readAhead", { readAhead: -1 }],
    ["readAhead", { readAhead: Number.NaN }],
    ["directRead", { directRead: 0 }],
  ];
  it.each(wrong)("%s: %o", (option, options) => {
    const make = () => new BlockCache(new MemoryBackend(), options);
    expect(make).toThrow(new RegExp(`${option} is .* must be`));
  });
});
