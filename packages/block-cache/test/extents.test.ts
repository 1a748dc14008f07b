import { type Extent, MemoryBackend } from "@instar/backend";
import { expect, it } from "vitest";
import { BlockCache } from "../src/index.js";
import { pattern } from "./bytes.js";

const PAGE = 65_536;

async function extents(cache: BlockCache, offset: number, length: number): Promise<Extent[]> {
  const found: Extent[] = [];
  for await (const extent of cache.extents(offset, length)) {
    const last = found.at(-1);
    if (last?.kind === extent.kind) found.splice(-1, 1, { ...last, length: last.length + extent.length });
    else found.push(extent);
  }
  return found;
}

it("call data what is dirty in the cache, and otherwise what the backend calls it", async () => {
  const cache = new BlockCache(new MemoryBackend({ size: 4 * PAGE }), { blockSize: 512 });
  await cache.write(pattern(100, 1), PAGE + 700);
  await cache.write(pattern(600, 2), PAGE + 2048);
  const expected = [
    { offset: 0, length: PAGE + 512, kind: "hole" },
    { offset: PAGE + 512, length: 512, kind: "data" },
    { offset: PAGE + 1024, length: 1024, kind: "hole" },
    { offset: PAGE + 2048, length: 1024, kind: "data" },
    { offset: PAGE + 3072, length: 3 * PAGE - 3072, kind: "hole" },
  ];
  expect(await extents(cache, 0, 4 * PAGE)).toEqual(expected);
  expect(await extents(cache, PAGE + 600, 300)).toEqual([{ offset: PAGE + 600, length: 300, kind: "data" }]);
  await cache.sync();
  expect(await extents(cache, 0, 4 * PAGE)).toEqual([
    { offset: 0, length: PAGE, kind: "hole" },
    { offset: PAGE, length: PAGE, kind: "data" },
    { offset: 2 * PAGE, length: 2 * PAGE, kind: "hole" },
  ]);
});

it("reach to the end also where the backend has not grown so far", async () => {
  const cache = new BlockCache(new MemoryBackend({ size: 100 }), { blockSize: 512 });
  await cache.write(pattern(10, 1), 1900);
  expect(await extents(cache, 0, 1910)).toEqual([
    { offset: 0, length: 1536, kind: "hole" },
    { offset: 1536, length: 374, kind: "data" },
  ]);
  expect(await extents(cache, 200, 1000)).toEqual([{ offset: 200, length: 1000, kind: "hole" }]);
});

it("do not call a zeroed range data", async () => {
  const cache = new BlockCache(new MemoryBackend({ size: 2 * PAGE }), { blockSize: 512 });
  await cache.write(pattern(PAGE, 1), 0);
  await cache.writeZeroes(0, PAGE);
  expect(await extents(cache, 0, 2 * PAGE)).toEqual([{ offset: 0, length: 2 * PAGE, kind: "hole" }]);
});
