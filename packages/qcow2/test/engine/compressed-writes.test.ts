import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { Damage } from "../check-damage.js";
import { FaultyFile } from "./faulty-file.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, newImage, noise, pattern } from "./support.js";

const CLUSTER = 4096;

/** Where the file ends. */
async function lengthOf(pages: MemoryPages): Promise<number> {
  return memoryFile(pages).size;
}

async function compressedClusters(image: Qcow2Image): Promise<number> {
  return (await image.check()).compressedClusters;
}

describe("compressed writes", () => {
  for (const compressionType of ["zlib", "zstd"] as const) {
    for (const clusterSize of [512, 4096, 65_536, 2_097_152]) {
      it(`are read back: ${compressionType}, clusters of ${clusterSize}`, async () => {
        const size = clusterSize * 9 + 1000;
        const { image, pages } = await newImage({ size, clusterSize, compressionType });
        const bytes = pattern(size, 1);
        await image.writeCompressed(bytes, 0);
        expect(firstDifference(await allBytes(image), bytes)).toBe(-1);
        await expectClean(image);
        await image.close();
        const again = await Qcow2Image.open(memoryFile(pages));
        expect(again.info().compressionType).toBe(compressionType);
        expect(firstDifference(await allBytes(again), bytes)).toBe(-1);
        expect(await compressedClusters(again)).toBe(Math.ceil(size / clusterSize));
      });
    }
  }

  it("share host clusters", async () => {
    const { image, pages } = await newImage({ size: CLUSTER * 400, clusterSize: CLUSTER });
    const before = await lengthOf(pages);
    await image.writeCompressed(pattern(CLUSTER * 400, 1), 0);
    await image.sync();
    expect((await lengthOf(pages)) - before).toBeLessThan(CLUSTER * 120);
    await expectClean(image);
  });

  it("share none where a refcount cannot count two, and no more than three where it has two bits", async () => {
    for (const [refcountBits, most] of [
      [1, 1],
      [2, 3],
    ] as const) {
      const { image, pages } = await newImage({ size: CLUSTER * 60, clusterSize: CLUSTER, refcountBits });
      await image.writeCompressed(new Uint8Array(CLUSTER * 60).fill(1), 0);
      await expectClean(image);
      expect(await lengthOf(pages)).toBeGreaterThanOrEqual((60 / most) * CLUSTER);
      await image.writeZeroes(0, image.size);
      await expectClean(image);
    }
  });

  it("that do not become smaller are plain", async () => {
    const { image } = await newImage({ size: CLUSTER * 4, clusterSize: CLUSTER });
    const bytes = noise(CLUSTER * 3);
    bytes.fill(7, CLUSTER, 2 * CLUSTER);
    await image.writeCompressed(bytes, CLUSTER);
    expect(firstDifference(await bytesAt(image, CLUSTER, bytes.length), bytes)).toBe(-1);
    expect(await image.check()).toMatchObject({ allocatedClusters: 3, compressedClusters: 1, leaks: 0 });
  });

  it("take the place of what was there, and let go of it", async () => {
    const { image, pages } = await newImage({ size: CLUSTER * 64, clusterSize: CLUSTER });
    await image.write(noise(CLUSTER * 64), 0);
    await image.writeZeroes(CLUSTER * 3, CLUSTER * 2);
    await image.sync();
    const full = await lengthOf(pages);
    for (let round = 0; round < 8; round++) {
      const bytes = pattern(CLUSTER * 64, round);
      await image.writeCompressed(bytes, 0);
      await image.sync();
      expect(firstDifference(await allBytes(image), bytes)).toBe(-1);
    }
    await expectClean(image);
    expect(await compressedClusters(image)).toBe(64);
    expect((await lengthOf(pages)) - full).toBeLessThanOrEqual(CLUSTER * 64);
  });

  it("put nothing into a cluster that is somebody else's by now", async () => {
    const { image } = await newImage({ size: CLUSTER * 8, clusterSize: CLUSTER });
    await image.writeCompressed(new Uint8Array(CLUSTER).fill(1), 0);
    await image.discard(0, CLUSTER);
    await image.sync();
    await image.sync();
    await image.write(new Uint8Array(CLUSTER).fill(2), CLUSTER);
    await image.writeCompressed(new Uint8Array(CLUSTER).fill(3), 2 * CLUSTER);
    const bytes = await allBytes(image);
    expect([bytes[0], bytes[CLUSTER], bytes[2 * CLUSTER - 1], bytes[2 * CLUSTER]]).toEqual([0, 2, 2, 3]);
    await expectClean(image);
  });

  it("are read as they are where others were before at the same place in the file", async () => {
    const { image } = await newImage({ size: CLUSTER * 8, clusterSize: CLUSTER, refcountBits: 1 });
    const places = new Set<number>();
    for (let round = 1; round < 12; round++) {
      await image.writeCompressed(new Uint8Array(CLUSTER).fill(round), 0);
      expect((await bytesAt(image, 0, CLUSTER)).every((byte) => byte === round)).toBe(true);
      await image.sync();
      await image.sync();
      places.add(image.file.size);
    }
    expect(places.size, "places are used again").toBeLessThan(4);
  });

  it("keep the order of the disk in the file, unless they need not", async () => {
    for (const unordered of [false, true]) {
      const { image, pages } = await newImage({ size: CLUSTER * 200, clusterSize: CLUSTER });
      const bytes = pattern(CLUSTER * 200, 3);
      for (let at = 0; at < bytes.length; at += 2 * CLUSTER) bytes.set(noise(CLUSTER / 2, at), at);
      await image.writeCompressed(bytes, 0, { unordered });
      expect(firstDifference(await allBytes(image), bytes)).toBe(-1);
      await expectClean(image);
      const file = new Damage(await allBytes(memoryFile(pages)));
      const places = file.l2Entries.map((position) => Number(file.entryAt(position) & 0xffff_ffffn));
      expect(places).toHaveLength(200);
      if (!unordered) expect(places).toEqual(places.toSorted((one, other) => one - other));
    }
  });

  it("of parts of clusters are refused, except at the end of the disk", async () => {
    const { image } = await newImage({ size: CLUSTER * 2 + 100, clusterSize: CLUSTER });
    const refusal = { code: "ERR_INVALID_OPTION" };
    await expect(image.writeCompressed(new Uint8Array(CLUSTER), 512)).rejects.toMatchObject({
      ...refusal,
      field: "offset",
    });
    await expect(image.writeCompressed(new Uint8Array(512), 0)).rejects.toMatchObject({ ...refusal, field: "end" });
    await image.writeCompressed(new Uint8Array(100).fill(9), CLUSTER * 2);
    expect((await bytesAt(image, CLUSTER * 2, 100)).every((byte) => byte === 9)).toBe(true);
    await expect(image.writeCompressed(new Uint8Array(CLUSTER), CLUSTER * 2)).rejects.toMatchObject({
      code: "ERR_RANGE",
    });
  });

  it("are refused by an image that is read-only or closed", async () => {
    const { image, pages } = await newImage({ size: CLUSTER, clusterSize: CLUSTER });
    await image.close();
    await expect(image.writeCompressed(new Uint8Array(CLUSTER), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    const readOnly = await Qcow2Image.open(memoryFile(pages));
    await expect(readOnly.writeCompressed(new Uint8Array(CLUSTER), 0)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });

  it("end early when they are aborted, and leave nothing broken", async () => {
    const file = new FaultyFile(new MemoryBackend());
    const image = await Qcow2Image.create(file, { size: CLUSTER * 100, clusterSize: CLUSTER });
    const controller = new AbortController();
    file.waits = async (kind) => {
      if (kind === "write") controller.abort();
    };
    const writing = image.writeCompressed(pattern(CLUSTER * 100, 1), 0, { signal: controller.signal });
    await expect(writing).rejects.toMatchObject({ name: "AbortError" });
    expect(await compressedClusters(image)).toBeLessThan(100);
    await expectClean(image);
  });

  it("are over before the image is closed", async () => {
    const { image, pages } = await newImage({ size: CLUSTER * 10, clusterSize: CLUSTER });
    const bytes = pattern(CLUSTER * 10, 5);
    const writing = image.writeCompressed(bytes, 0);
    await Promise.resolve();
    await Promise.all([writing, new Promise((resolve) => setImmediate(resolve)).then(() => image.close())]);
    expect(firstDifference(await allBytes(await Qcow2Image.open(memoryFile(pages))), bytes)).toBe(-1);
  });
});

describe("a new image whose compressed clusters are zstd", () => {
  it("says so in its header, and cannot have version 2", async () => {
    const { pages } = await newImage({ size: 1000, compressionType: "zstd" });
    const view = new DataView((await bytesAt(memoryFile(pages), 0, 112)).buffer);
    expect([view.getBigUint64(72), view.getUint8(104)]).toEqual([8n, 1]);
    const refused = newImage({ size: 1000, compressionType: "zstd", version: 2 });
    await expect(refused).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "compressionType" });
  });
});
