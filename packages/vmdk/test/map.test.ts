import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { VmdkImage } from "../src/index.js";
import { FIXTURE_SIZE, firstDifference, memoryOf, patternDisk } from "./support.js";

function bytesOf(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`fixtures/${name}.gz`, import.meta.url)));
}

function open(createType: string): Promise<VmdkImage> {
  const load = (name: string): ReturnType<typeof memoryOf> => memoryOf(bytesOf(name), name);
  return load(`${createType}.vmdk`).then((file) => VmdkImage.open(file, { openReferenced: ({ name }) => load(name) }));
}

describe("map", () => {
  for (const createType of ["monolithicSparse", "streamOptimized", "twoGbMaxExtentSparse", "monolithicFlat"]) {
    it(`tells in which file the bytes of a ${createType} disk are, and where`, async () => {
      const disk = await open(createType);
      const expected = patternDisk(FIXTURE_SIZE);
      let end = 1000;
      for await (const { offset, length, zero, compressed, file, hostOffset } of disk.map(1000, FIXTURE_SIZE - 2000)) {
        expect(offset).toBe(end);
        end += length;
        const part = expected.subarray(offset, end);
        if (zero) expect(part.every((byte) => byte === 0)).toBe(true);
        else if (compressed) expect([createType, hostOffset]).toEqual(["streamOptimized", undefined]);
        else {
          const stored = bytesOf(file ?? "").subarray(hostOffset, (hostOffset ?? 0) + length);
          expect(firstDifference(stored, part)).toBe(-1);
        }
      }
      expect(end).toBe(FIXTURE_SIZE - 1000);
    });
  }

  it("refuses what lies past the end", async () => {
    const disk = await open("monolithicSparse");
    await expect(disk.map(FIXTURE_SIZE, 1).next()).rejects.toMatchObject({ code: "ERR_RANGE" });
  });
});
