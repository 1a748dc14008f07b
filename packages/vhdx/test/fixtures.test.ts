import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { VhdxImage } from "../src/index.js";
import { contents, firstDifference, firstLie, FIXTURE_SIZE, memoryOf, patternDisk } from "./support.js";

describe("images made by qemu-img, committed", () => {
  for (const name of ["dynamic", "fixed"]) {
    it(`${name}: the bytes that were put in come out`, async () => {
      const bytes = gunzipSync(readFileSync(new URL(`fixtures/${name}.vhdx.gz`, import.meta.url)));
      const disk = await VhdxImage.open(await memoryOf(bytes));
      const expected = patternDisk(FIXTURE_SIZE);
      expect(disk.size).toBe(FIXTURE_SIZE);
      expect(firstDifference(await contents(disk), expected)).toBe(-1);
      expect(await firstLie(disk, expected)).toBe(-1);
      expect(disk.info()).toMatchObject({ type: name, blockSize: 2 ** 20 });
    });
  }
});
