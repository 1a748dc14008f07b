import { describe, expect, it } from "vitest";

import { FaultyFile } from "./faulty-file.js";
import { Qcow2Image } from "../../src/index.js";
import { bytesAt, expectClean, memoryFile, pattern } from "./support.js";

const TIB = 2 ** 40;

describe("a sparse disk of 8 TiB", () => {
  it("is scanned, zeroed, discarded and resized in few requests and little memory", async () => {
    const file = new FaultyFile(memoryFile());
    const image = await Qcow2Image.create(file, { size: 8 * TIB });
    for (const at of [0, TIB, 5 * TIB + 12_345, 8 * TIB - 10]) await image.write(pattern(10, 1), at);
    await image.sync();
    file.requests.length = 0;
    const before = process.memoryUsage().rss;

    let data = 0;
    let runs = 0;
    for await (const { length, kind } of image.extents(0, image.size)) {
      runs++;
      if (kind === "data") data += length;
    }
    expect(data).toBe(4 * 65_536);
    // One for each part of the L1 table, and those around the data.
    expect(runs).toBeLessThan(200);
    const map = [];
    for await (const { offset, length, data: isData } of image.map(0, image.size)) map.push({ offset, length, isData });
    expect(map.filter(({ isData }) => isData)).toHaveLength(4);
    expect(map).toHaveLength(7);
    expect(file.requests.length).toBeLessThan(200);

    await image.writeZeroes(2 * TIB, TIB);
    await image.discard(0, image.size);
    expect((await bytesAt(image, 5 * TIB, 20_000)).every((byte) => byte === 0)).toBe(true);
    await image.truncate(16 * TIB);
    await image.write(pattern(10, 2), 16 * TIB - 10);
    await image.truncate(TIB);
    await expectClean(image);
    expect(file.requests.length).toBeLessThan(1500);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});
