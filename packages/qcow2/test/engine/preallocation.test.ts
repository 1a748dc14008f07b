import { MemoryBackend, MemoryPages } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { type Preallocation, Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, saveTo, Scratch } from "../format-support.js";
import { FaultyFile } from "./faulty-file.js";
import {
  allBytes,
  bytesAt,
  expectClean,
  firstDifference,
  memoryFile,
  newImage,
  pattern,
  plainDisk,
} from "./support.js";

const MiB = 2 ** 20;
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

interface Placed {
  end: number;
  readonly data: boolean;
  readonly present: boolean;
  /** Where it is in the file, less where it is on the disk, or just whether it is there. */
  readonly place: number | boolean;
}

/** Which parts of the disk have a place in the file, and which of these are stored. */
function placed(path: string, exactly: boolean): Placed[] {
  const map: { start: number; length: number; present: boolean; data: boolean; offset?: number }[] = JSON.parse(
    qemuImg("map", "--output=json", "-f", "qcow2", path),
  );
  const joined: Placed[] = [];
  for (const { start, length, present, data, offset } of map) {
    const place = offset !== undefined && (exactly ? offset - start : true);
    const last = joined.at(-1);
    if (last?.data === data && last.present === present && last.place === place) last.end = start + length;
    else joined.push({ end: start + length, data, present, place });
  }
  return joined;
}

describe("preallocation", () => {
  it.each<Preallocation>(["metadata", "falloc", "full"])("%s: writing takes no new place", async (preallocation) => {
    for (const layout of [{}, { version: 2 as const, clusterSize: 4096 }, { extendedL2: true }]) {
      const file = new MemoryBackend();
      const image = await Qcow2Image.create(file, { size: 3 * MiB + 512, preallocation, ...layout });
      const { size } = file;
      expect(isZero(await allBytes(image))).toBe(true);
      const report = await image.check();
      expect(report.allocatedClusters).toBe(report.totalClusters);
      await image.write(pattern(MiB, 1), MiB + 100);
      await image.sync();
      expect(file.size).toBe(size);
      expect(firstDifference(await bytesAt(image, MiB + 100, MiB), pattern(MiB, 1))).toBe(-1);
      expect(isZero(await bytesAt(image, 0, MiB + 100))).toBe(true);
      await expectClean(image);
    }
  });

  it("falloc takes space without writing zeroes where the file can do that, and with them where it cannot", async () => {
    for (const allocate of [true, false]) {
      for (const extendedL2 of [false, true]) {
        const pages = new MemoryPages();
        const file = new FaultyFile(memoryFile(pages), { allocate });
        const image = await Qcow2Image.create(file, { size: 8 * MiB, extendedL2, preallocation: "falloc" });
        expect(pages.allocated).toBeGreaterThanOrEqual(8 * MiB);
        const longest = Math.max(...file.requests.filter(({ kind }) => kind === "write").map(({ length }) => length));
        expect(longest).toBe(allocate ? 65_536 : 262_144);
        expect(isZero(await allBytes(image))).toBe(true);
        await expectClean(image);
      }
    }
  });

  it("keeps what the guest reads, over a backing image and among what is written", async () => {
    for (const extendedL2 of [false, true]) {
      const below = pattern(2 * MiB + 700, 3);
      const { image } = await newImage({
        size: 3 * MiB,
        extendedL2,
        backing: { name: "base", format: "raw" },
        backingBackend: await plainDisk(below),
      });
      await image.write(pattern(5000, 1), 100_000);
      await image.writeZeroes(300_000, 200_000);
      await image.discard(MiB, 100_000);
      await image.write(pattern(70_000, 2), 2 * MiB + 300_000);
      const before = await allBytes(image);
      await image.preallocate(10, 3 * MiB - 10, { mode: "full" });
      expect(firstDifference(await allBytes(image), before)).toBe(-1);
      const { allocatedClusters, totalClusters } = await image.check();
      if (extendedL2) expect(allocatedClusters).toBe(totalClusters);
      else expect(allocatedClusters).toBeLessThan(totalClusters);
      await expectClean(image);
      await image.preallocate(0, 3 * MiB);
      expect((await image.check()).allocatedClusters).toBe(allocatedClusters);
    }
  });

  it("shows nothing of what the host clusters held before", async () => {
    for (const version of [2, 3] as const) {
      for (const mode of ["metadata", "falloc", "full"] as const) {
        const { image } = await newImage({ size: 2 * MiB, version, clusterSize: 4096 });
        await image.write(pattern(MiB, 1), 0);
        await image.discard(0, MiB);
        await image.sync();
        await image.preallocate(0, 2 * MiB, { mode });
        expect(isZero(await allBytes(image))).toBe(true);
        await expectClean(image);
      }
    }
  });

  it("is refused past the end, and over a backing image whose clusters are whole", async () => {
    const { image } = await newImage({ size: MiB });
    await expect(image.preallocate(MiB, 1)).rejects.toMatchObject({ code: "ERR_RANGE" });
    const backing = { name: "base", format: "raw" };
    const options = { size: MiB, backing, backingBackend: new MemoryBackend(), preallocation: "full" as const };
    const refusal = { code: "ERR_INVALID_OPTION", field: "preallocation" };
    await expect(Qcow2Image.create(new MemoryBackend(), options)).rejects.toMatchObject(refusal);
    await image.close();
    await expect(image.preallocate(0, 1)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("that fails anywhere loses nothing, and can be tried again", async () => {
    for (const mode of ["metadata", "falloc", "full"] as const) {
      for (let failing = 1; ; failing++) {
        const file = new FaultyFile(memoryFile());
        const image = await Qcow2Image.create(file, { size: 2 * MiB, clusterSize: 4096 });
        await image.write(pattern(10_000, 1), 500_000);
        let left = failing;
        file.fails = () => --left === 0;
        const failed = await image.preallocate(0, 2 * MiB, { mode }).then(
          () => false,
          () => true,
        );
        file.fails = () => false;
        await image.preallocate(0, 2 * MiB, { mode });
        await image.sync();
        expect(firstDifference(await bytesAt(image, 500_000, 10_000), pattern(10_000, 1))).toBe(-1);
        expect((await image.check()).allocatedClusters).toBe(512);
        await expectClean(image, `request ${failing} fails`);
        if (!failed) break;
      }
    }
  });
});

describe.skipIf(!hasQemu)(`preallocation as QEMU does it${qemuNote}`, () => {
  for (const layout of [
    { clusterSize: 65_536, extendedL2: false },
    { clusterSize: 4096, extendedL2: false },
    { clusterSize: 2 * MiB, extendedL2: false },
    { clusterSize: 65_536, extendedL2: true },
  ]) {
    const options = `cluster_size=${layout.clusterSize}${layout.extendedL2 ? ",extended_l2=on" : ""}`;
    it.each(["metadata", "falloc", "full"] as const)(`${options}, %s: same map, same length`, async (preallocation) => {
      using scratch = new Scratch();
      const [ours, theirs] = [scratch.file("ours"), scratch.file("theirs")];
      const size = 9 * MiB + 512;
      qemuImg("create", "-q", "-f", "qcow2", "-o", `${options},preallocation=${preallocation}`, theirs, String(size));
      const { image, pages } = await newImage({ size, preallocation, ...layout });
      await image.close();
      await saveTo(ours, memoryFile(pages));
      const { leaks, corruptions } = qemuImgJson(["check", "--output=json", ours]);
      expect({ leaks, corruptions }).toEqual({});
      // QEMU puts a second refcount block behind the data, and where it writes zeroes all tables before them.
      const exactly = layout.clusterSize > 4096;
      expect(placed(ours, exactly)).toEqual(placed(theirs, exactly));
      expect(qemuImgJson(["check", "--output=json", ours])["image-end-offset"]).toBe(
        qemuImgJson(["check", "--output=json", theirs])["image-end-offset"],
      );
    });
  }

  it("of what a disk gains", async () => {
    using scratch = new Scratch();
    const [ours, theirs] = [scratch.file("ours"), scratch.file("theirs")];
    for (const path of [ours, theirs]) qemuImg("create", "-q", "-f", "qcow2", path, "1M");
    for (const mode of ["metadata", "falloc", "full"] as const) {
      qemuImg("resize", "-q", `--preallocation=${mode}`, theirs, "+3M");
      const image = await Qcow2Image.open(await FsBackend.open(ours, { write: true }), { write: true });
      const { size } = image;
      await image.truncate(size + 3 * MiB);
      await image.preallocate(size, 3 * MiB, { mode });
      await image.close();
      expect(placed(ours, false)).toEqual(placed(theirs, false));
      expect(qemuImgJson(["check", "--output=json", ours])).toMatchObject({ "check-errors": 0 });
    }
  });
});
