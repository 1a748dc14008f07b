import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { VdiImage } from "../src/index.js";
import { FIXTURE_SIZE, firstDifference, memoryOf, patternDisk } from "./support.js";

describe("map", () => {
  for (const name of ["dynamic", "static"]) {
    it(`tells where in the file of a ${name} image the bytes of the disk are`, async () => {
      const bytes = gunzipSync(readFileSync(new URL(`fixtures/${name}.vdi.gz`, import.meta.url)));
      const disk = await VdiImage.open(await memoryOf(bytes, "the file"));
      const expected = patternDisk(FIXTURE_SIZE);
      let end = 1000;
      for await (const { offset, length, zero, file, hostOffset } of disk.map(1000, FIXTURE_SIZE - 2000)) {
        expect(offset).toBe(end);
        end += length;
        const part = expected.subarray(offset, end);
        if (zero) expect(part.every((byte) => byte === 0)).toBe(true);
        else {
          expect(file).toBe("the file");
          expect(firstDifference(bytes.subarray(hostOffset, (hostOffset ?? 0) + length), part)).toBe(-1);
        }
      }
      expect(end).toBe(FIXTURE_SIZE - 1000);
    });
  }

  it("refuses what lies past the end", async () => {
    const bytes = gunzipSync(readFileSync(new URL("fixtures/dynamic.vdi.gz", import.meta.url)));
    const disk = await VdiImage.open(await memoryOf(bytes));
    await expect(disk.map(FIXTURE_SIZE, 1).next()).rejects.toMatchObject({ code: "ERR_RANGE" });
  });
});
