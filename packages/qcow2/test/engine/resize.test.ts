import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, newImage, pattern, TINY } from "./support.js";

const CLUSTER = 512;

describe("resizing", () => {
  it("keeps what is there when the L1 table has to move", async () => {
    const { image, pages } = await newImage({ size: 100_000, clusterSize: CLUSTER, caches: TINY });
    const model = new Uint8Array(10_000_000);
    model.set(pattern(100_000, 1));
    await image.write(pattern(100_000, 1), 0);
    const before = image.info();
    for (const size of [200_000, 3_000_000, 10_000_000]) {
      await image.truncate(size);
      await image.write(pattern(1000, 2), size - 1000);
      model.set(pattern(1000, 2), size - 1000);
      await expectClean(image);
    }
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages));
    expect(firstDifference(await allBytes(again), model)).toBe(-1);
    expect(again.info()).toEqual({ ...before, size: 10_000_000 });
  });

  it("gives back what is cut off, tables and all", async () => {
    const { image } = await newImage({ size: 10_000_000, clusterSize: 4096 });
    await image.write(pattern(9_000_000, 1), 1_000_000);
    const size = Math.ceil(image.file.size / 4096) * 4096;
    await image.truncate(0);
    await expectClean(image);
    await image.truncate(10_000_000);
    await image.write(pattern(9_000_000, 2), 500_000);
    expect(image.file.size).toBeLessThanOrEqual(size);
    await expectClean(image);
  });

  it("does not bring back what a shrink that was cut short has left mapped", async () => {
    for (const size of [1000, 5 * CLUSTER, 90_000]) {
      const { image, pages } = await newImage({ size: 100_000, clusterSize: CLUSTER });
      await image.write(pattern(100_000, 1), 0);
      await image.close();
      // The header says so already, the tables do not yet.
      const header = new Uint8Array(8);
      new DataView(header.buffer).setUint32(4, size);
      pages.write(header, 24);
      const shrunk = await Qcow2Image.open(memoryFile(pages), { write: true });
      await shrunk.truncate(100_000);
      expect(firstDifference(await bytesAt(shrunk, 0, size), pattern(100_000, 1).subarray(0, size))).toBe(-1);
      expect((await bytesAt(shrunk, size, 100_000 - size)).every((byte) => byte === 0)).toBe(true);
      await expectClean(shrunk);
    }
  });

  it("to the same size, or to sizes that are no multiple of anything, works", async () => {
    const { image } = await newImage({ size: 777, clusterSize: 4096 });
    await image.write(pattern(777, 1), 0);
    for (const size of [777, 1, 0, 4097, 4097, 13]) {
      await image.truncate(size);
      expect(image.size).toBe(size);
    }
    expect(Array.from(await allBytes(image))).toEqual(Array.from({ length: 13 }, () => 0));
    await expectClean(image);
  });
});
