import { stat } from "node:fs/promises";

import { MemoryBackend, MemoryPages } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, Scratch } from "../format-support.js";
import { FaultyFile } from "./faulty-file.js";
import { allBytes, bytesAt, encryptionOf, expectClean, firstDifference, memoryFile, pattern } from "./support.js";

const MiB = 2 ** 20;
const MODES = ["metadata", "falloc", "full"] as const;
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

describe("preallocation with an external data file", () => {
  for (const raw of [false, true]) {
    it.each(MODES)(`%s, raw ${raw}: every cluster is mapped, and the file has what the mode says`, async (mode) => {
      for (const extendedL2 of [false, true]) {
        for (const allocate of [true, false]) {
          const pages = new MemoryPages();
          const data = new FaultyFile(memoryFile(pages), { allocate });
          const size = 3 * MiB + 512;
          const dataFile = { name: "data", raw, backend: data };
          const options = { size, extendedL2, dataFile, preallocation: mode };
          const image = await Qcow2Image.create(new MemoryBackend(), options);
          expect(isZero(await allBytes(image))).toBe(true);
          const { allocatedClusters, totalClusters } = await image.check();
          expect(allocatedClusters).toBe(totalClusters);
          expect(data.size).toBe(size);
          expect(pages.allocated >= size).toBe(mode !== "metadata");
          // Space for nothing is written by zeroes where it can be had otherwise.
          const wrote = data.requests.some(({ kind }) => kind === "write");
          expect(wrote).toBe(mode === "full" || (mode === "falloc" && !allocate));
          await expectClean(image);
          if (!raw) continue;
          await memoryFile(pages).write(pattern(5000, 1), MiB);
          expect(firstDifference(await bytesAt(image, MiB, 5000), pattern(5000, 1))).toBe(-1);
        }
      }
    });
  }

  it("keeps what the guest reads, and shows nothing of what the data file held", async () => {
    for (const mode of MODES) {
      for (const extendedL2 of [false, true]) {
        for (const raw of [false, true]) {
          const data = new FaultyFile(memoryFile(), { discard: false });
          const options = { size: 2 * MiB + 700, extendedL2, dataFile: { name: "data", raw, backend: data } };
          const image = await Qcow2Image.create(new MemoryBackend(), options);
          await image.write(pattern(MiB, 1), 100_000);
          await image.discard(MiB / 2, 200_000);
          await image.writeZeroes(MiB, 100_000);
          const before = await allBytes(image);
          await image.preallocate(0, image.size, { mode });
          expect(firstDifference(await allBytes(image), before)).toBe(-1);
          await image.sync();
          await expectClean(image);
        }
      }
    }
  });

  it("of encrypted data reads as zeroes", async () => {
    for (const preallocation of MODES) {
      const backend = new MemoryBackend();
      const dataFile = { name: "data", backend };
      const image = await Qcow2Image.create(new MemoryBackend(), {
        size: MiB,
        dataFile,
        preallocation,
        encryption: encryptionOf("secret"),
      });
      expect(isZero(await allBytes(image))).toBe(true);
      await image.write(pattern(5000, 1), 70_000);
      expect(isZero((await allBytes(image)).subarray(0, 70_000))).toBe(true);
      await expectClean(image);
    }
  });

  it("that fails anywhere loses nothing, and can be tried again", async () => {
    for (const mode of MODES) {
      for (let failing = 1; ; failing++) {
        const data = new FaultyFile(memoryFile());
        const dataFile = { name: "data", backend: data };
        const image = await Qcow2Image.create(memoryFile(), { size: 2 * MiB, dataFile });
        await image.write(pattern(10_000, 1), 500_000);
        const before = await allBytes(image);
        let left = failing;
        data.fails = () => --left === 0;
        const failed = await image.preallocate(0, 2 * MiB, { mode }).then(
          () => false,
          () => true,
        );
        data.fails = () => false;
        await image.preallocate(0, 2 * MiB, { mode });
        await image.sync();
        expect(firstDifference(await allBytes(image), before)).toBe(-1);
        expect((await image.check()).allocatedClusters).toBe(32);
        await expectClean(image, `request ${failing} fails`);
        if (!failed) break;
      }
    }
  });

  it("is refused where the data is not at hand", async () => {
    const pages = new MemoryPages();
    const dataFile = { name: "data", backend: new MemoryBackend() };
    const image = await Qcow2Image.create(memoryFile(pages), { size: MiB, dataFile });
    await image.close();
    const opened = await Qcow2Image.open(memoryFile(pages), { write: true, metadataOnly: true });
    await expect(opened.preallocate(0, MiB)).rejects.toMatchObject({ field: "metadataOnly" });
    expect((await opened.check()).allocatedClusters).toBe(0);
  });
});

interface Facts {
  readonly map: unknown;
  readonly checked: unknown;
  readonly size: number;
  readonly isStored: boolean;
}

/** What QEMU says of an image, and how much of the data file is stored. */
async function facts(image: string, data: string, disk: number): Promise<Facts> {
  const found: { start: number; length: number; present: boolean; data: boolean; offset?: number }[] = JSON.parse(
    qemuImg("map", "--output=json", "-f", "qcow2", image),
  );
  // Whether it also says "zero" depends on where the file system has put what is stored.
  const map = found.map(({ start, length, present, data: stored, offset }) => [start, length, present, stored, offset]);
  const { size, blocks } = await stat(data);
  return {
    map,
    checked: { ...qemuImgJson(["check", "--output=json", image]), filename: "" },
    size,
    isStored: blocks * 512 >= disk,
  };
}

describe.skipIf(!hasQemu)(`preallocation with an external data file as QEMU does it${qemuNote}`, () => {
  const size = 9 * MiB;

  for (const raw of [false, true]) {
    it.each(MODES)(`raw ${raw}, %s: same map, same sizes, and again of what the disk gains`, async (preallocation) => {
      using scratch = new Scratch();
      const [ours, theirs] = [scratch.file("ours"), scratch.file("theirs")];
      const options = `data_file=${theirs}.raw,data_file_raw=${raw ? "on" : "off"},preallocation=${preallocation}`;
      qemuImg("create", "-q", "-f", "qcow2", "-o", options, theirs, String(size));
      const open = (path: string): Promise<FsBackend> => FsBackend.open(path, { write: true, create: "new" });
      const dataFile = { name: `${ours}.raw`, raw, backend: await open(`${ours}.raw`) };
      const image = await Qcow2Image.create(await open(ours), { size, preallocation, dataFile });
      await image.sync();
      expect(await facts(ours, `${ours}.raw`, size)).toEqual(await facts(theirs, `${theirs}.raw`, size));
      qemuImg("resize", "-q", `--preallocation=${preallocation}`, theirs, "+3M");
      await image.truncate(size + 3 * MiB);
      await image.preallocate(size, 3 * MiB, { mode: preallocation });
      await image.close();
      const grown = size + 3 * MiB;
      expect(await facts(ours, `${ours}.raw`, grown)).toEqual(await facts(theirs, `${theirs}.raw`, grown));
    });
  }
});
