import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import type { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { VmdkImage } from "../src/index.js";
import { contents, firstDifference, firstLie, FIXTURE_SIZE, memoryOf, patternDisk } from "./support.js";

function load(name: string): Promise<MemoryBackend> {
  return memoryOf(gunzipSync(readFileSync(new URL(`fixtures/${name}.gz`, import.meta.url))), name);
}

describe("images made by qemu-img, committed", () => {
  for (const createType of ["monolithicSparse", "streamOptimized", "twoGbMaxExtentSparse", "monolithicFlat"]) {
    it(`${createType}: the bytes that were put in come out`, async () => {
      const asked: string[] = [];
      const disk = await VmdkImage.open(await load(`${createType}.vmdk`), {
        openReferenced: ({ name }) => {
          asked.push(name);
          return load(name);
        },
      });
      const expected = patternDisk(FIXTURE_SIZE);
      expect(disk.size).toBe(FIXTURE_SIZE);
      expect(firstDifference(await contents(disk), expected)).toBe(-1);
      expect(await firstLie(disk, expected)).toBe(-1);
      expect(disk.info()).toMatchObject({ createType, extents: [{ size: FIXTURE_SIZE }] });
      expect(asked.length).toBe(/^mono.*Sparse|^stream/.test(createType) ? 0 : 1);
    });
  }
});
