import { MemoryPages } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "../engine/faulty-file.js";
import { Clock, RecordingFile } from "../engine/recording-file.js";
import {
  allBytes,
  bytesAt,
  expectClean,
  firstDifference,
  memoryFile,
  newImage,
  pattern,
  plainDisk,
  TINY,
} from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, Scratch } from "../format-support.js";
import { Random, seed } from "../interop/random.js";

const SIZE = 400_384;
const BASE = pattern(300_000, 5);
const BELOW = new Uint8Array(SIZE);
BELOW.set(BASE);

async function write(image: Qcow2Image): Promise<void> {
  await image.write(pattern(100_000, 1), 1000);
  await image.writeZeroes(150_000, 60_000);
  await image.write(pattern(30_000, 2), SIZE - 30_000);
  await image.sync();
  await image.write(pattern(50_000, 3), 60_000);
  await image.discard(0, 20_000);
}

describe("an image that is made empty", () => {
  for (const layout of [
    { clusterSize: 512, refcountBits: 64 },
    { clusterSize: 4096, version: 2 as const },
    { clusterSize: 65_536, refcountBits: 1 },
    { clusterSize: 16_384, extendedL2: true },
  ]) {
    it(`shows the backing image, and takes no more than a new one: ${JSON.stringify(layout)}`, async () => {
      const options = { ...layout, size: SIZE, backing: { name: "base", format: "raw" } };
      const { image, pages } = await newImage({ ...options, backingBackend: await plainDisk(BASE), caches: TINY });
      const length = pages.size;
      for (let round = 0; round < 2; round++) {
        await write(image);
        await image.makeEmpty();
        expect(firstDifference(await allBytes(image), BELOW)).toBe(-1);
        await expectClean(image);
        expect(pages.size).toBe(length);
      }
      await image.write(pattern(100, 9), 5000);
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages), { backing: await plainDisk(BASE) });
      expect(await bytesAt(again, 5000, 100)).toEqual(pattern(100, 9));
      await expectClean(again);
    });
  }

  it("keeps its snapshots and its bitmaps", async () => {
    const { image } = await newImage({ size: SIZE, clusterSize: 512, caches: TINY });
    await write(image);
    const before = await allBytes(image);
    await image.snapshots.create({ name: "kept", date: new Date(0) });
    await image.bitmaps.add({ name: "all" });
    await image.write(pattern(70_000, 4), 0);
    await image.makeEmpty();
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
    const disk = await image.snapshots.open({ name: "kept" });
    expect(firstDifference(await allBytes(disk), before)).toBe(-1);
    await disk.close();
    for await (const { dirty, length } of image.bitmaps.dirty("all")) expect([dirty, length]).toEqual([true, SIZE]);
    await image.snapshots.apply({ name: "kept" });
    expect(firstDifference(await allBytes(image), before)).toBe(-1);
    await expectClean(image);
  });
});

describe.skipIf(!hasQemu)(`an image that is made empty${qemuNote}`, () => {
  it("is one QEMU accepts, as short as one that QEMU has made empty", async () => {
    using scratch = new Scratch();
    const sizes: number[] = [];
    for (const name of ["ours", "theirs"]) {
      const path = scratch.file(name);
      qemuImg("create", "-q", "-f", "raw", `${path}.base`, "8M");
      qemuImg("create", "-q", "-f", "qcow2", "-b", `${path}.base`, "-F", "raw", path);
      const backing = await FsBackend.open(`${path}.base`);
      const image = await Qcow2Image.open(await FsBackend.open(path, { write: true }), { write: true, backing });
      await image.write(pattern(3_000_000, 1), 1_000_000);
      if (name === "ours") await image.makeEmpty();
      await image.close();
      if (name === "theirs") qemuImg("commit", "-q", path);
      const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
      expect({ corruptions, leaks }).toEqual({});
      const file = await FsBackend.open(path);
      sizes.push(file.size);
      await file.close();
    }
    expect(sizes[0]).toBeLessThanOrEqual(sizes[1] ?? 0);
  });
});

describe(`a power cut while an image is made empty (INSTAR_SEED=${seed})`, () => {
  for (const [clusterSize, snapshots] of [
    [512, 0],
    [4096, 1],
  ] as const) {
    it(`leaves it full or empty: clusters of ${clusterSize}, ${snapshots} snapshots`, async () => {
      const clock = new Clock();
      const random = new Random(seed + clusterSize);
      const file = new RecordingFile(clock, random);
      const options = { size: SIZE, clusterSize, backing: { name: "base", format: "raw" }, caches: TINY };
      const image = await Qcow2Image.create(file, { ...options, backingBackend: await plainDisk(BASE) });
      await write(image);
      if (snapshots > 0) await image.snapshots.create({ name: "kept", date: new Date(0) });
      await write(image);
      await image.sync();
      const before = await allBytes(image);
      const begin = clock.tick();
      await image.makeEmpty();
      await image.write(pattern(1000, 7), 0);
      await image.sync();
      const moments = file.moments.filter((moment) => moment > begin);
      for (const moment of moments) {
        for (const lost of [0, 1, 2, 3]) {
          const where = `seed ${seed}, cut at ${moment}, lost ${lost}`;
          const pages = file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost)));
          const found = await Qcow2Image.open(memoryFile(pages), { backing: await plainDisk(BASE) });
          const { corruptions, problems } = await found.check();
          expect({ corruptions, problems: problems.filter(({ kind }) => kind !== "leak") }, where).toEqual({
            corruptions: 0,
            problems: [],
          });
          const disk = await allBytes(found);
          disk.set(BELOW.subarray(0, firstDifference(disk, before) === -1 ? 0 : 1000));
          expect([firstDifference(disk, before), firstDifference(disk, BELOW)], where).toContain(-1);
        }
      }
    });
  }
});

describe("when one request of the file fails", () => {
  it("makeEmpty has happened or not, and works when it is tried again", async () => {
    let requests = Infinity;
    for (let nth = 0; nth < requests; nth++) {
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      const image = await Qcow2Image.create(file, { size: SIZE, clusterSize: 4096, caches: TINY });
      await write(image);
      await image.sync();
      const before = await allBytes(image);
      file.requests.length = 0;
      file.fails = () => file.requests.length - 1 === nth;
      try {
        await image.makeEmpty();
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_IO" });
        const found = await allBytes(image);
        if (!found.every((byte) => byte === 0)) expect(firstDifference(found, before)).toBe(-1);
        await expectClean(image);
        await image.makeEmpty();
      }
      requests = file.requests.length;
      file.fails = () => false;
      expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
      await expectClean(image, `request ${nth}`);
      await image.close();
    }
    expect(requests).toBeGreaterThan(20);
  });
});
