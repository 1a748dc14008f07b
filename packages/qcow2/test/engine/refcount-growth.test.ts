import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { bytesAt, expectClean, firstDifference, memoryFile, newImage, pattern, TINY } from "./support.js";

/** How often the refcount table has grown: what the header says of it, in clusters. */
async function tableClusters(image: Qcow2Image): Promise<number> {
  return new DataView((await bytesAt(image.file, 56, 4)).buffer).getUint32(0);
}

describe("a refcount table that has to grow", () => {
  for (const [name, caches] of [
    ["everything in the caches", {}],
    ["tiny caches", TINY],
  ] as const) {
    for (const refcountBits of [64, 16, 1]) {
      it(`takes what is not in the file yet with it (${refcountBits} bits, ${name})`, async () => {
        // One cluster of the table covers 2 MiB, 8 MiB, 128 MiB.
        const size = refcountBits === 64 ? 9_000_000 : 20_000_000;
        const { image, pages } = await newImage({ size, clusterSize: 512, refcountBits, caches });
        const bytes = pattern(size, 1);
        for (let at = 0; at < size; at += 700_000) await image.write(bytes.subarray(at, at + 700_000), at);
        await image.sync();
        expect(await tableClusters(image)).toBeGreaterThan(refcountBits === 1 ? 0 : 2);
        await expectClean(image);
        // The old tables are free, and used.
        await image.discard(0, size);
        await image.write(bytes, 0);
        await image.close();
        const again = await Qcow2Image.open(memoryFile(pages));
        expect(firstDifference(await bytesAt(again, 0, size), bytes)).toBe(-1);
        await expectClean(again);
      });
    }
  }
});
