import { readFileSync, truncateSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { contents, firstDifference, firstLie, patternDisk } from "@instar/image-format/testing";
import { hasQemu, qemuContents, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";
import { describe, expect, it } from "vitest";

import { probeVhd, VhdImage } from "../src/index.js";
import { makeVhd } from "./vhd-writer.js";

const MIB = 1024 * 1024;
const sizes = [65_536, MIB, 3 * MIB - 512, 5 * MIB + 65_536 + 1024, 70 * MIB];

describe.skipIf(!hasQemu)(`VHD images of qemu-img${qemuNote}`, () => {
  for (const size of sizes) {
    for (const subformat of ["fixed", "dynamic"]) {
      for (const force of ["on", "off"]) {
        it(`${subformat}, of ${size} bytes with force_size=${force}, hold the same bytes`, async () => {
          using scratch = new Scratch();
          const path = scratch.file("disk.vhd");
          const raw = scratch.file("disk.raw", patternDisk(size));
          qemuImg("convert", "-f", "raw", "-O", "vpc", "-o", `subformat=${subformat},force_size=${force}`, raw, path);
          const file = await FsBackend.open(path);
          expect(await probeVhd(file)).toBe(subformat === "dynamic");
          const disk = await VhdImage.open(file);
          const expected = qemuContents("vpc", path);
          expect(disk.size).toBe(expected.length);
          expect(firstDifference(await contents(disk), expected)).toBe(-1);
          expect(await firstLie(disk, expected)).toBe(-1);
          expect(firstDifference(expected.subarray(0, size), readFileSync(raw))).toBe(-1);
          expect(disk.info().type).toBe(subformat);
          await disk.close();
        });
      }
    }
  }

  it("of a disk of 2000 GiB with nothing in it are one hole", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.vhd");
    qemuImg("create", "-f", "vpc", path, "2000G");
    const disk = await VhdImage.open(await FsBackend.open(path));
    let end = 0;
    for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
      expect([offset, kind]).toEqual([end, "hole"]);
      end += length;
    }
    expect(end).toBe(disk.size);
    await disk.close();
  });
});

describe.skipIf(!hasQemu)(`VHD sizes are those of qemu-img${qemuNote}`, () => {
  const creators = ["vpc ", "qemu", "qem2", "win ", "d2v ", "d2v\0", "tap\0", "tapx", "vs  ", "CTXS", "wa\0\0", "vbox"];
  const geometries = [
    [2, 4, 17],
    [65_535, 16, 255],
  ] as const;
  for (const creator of creators) {
    for (const geometry of geometries) {
      it(`for ${JSON.stringify(creator)} with the geometry ${geometry.join("/")}`, async () => {
        using scratch = new Scratch();
        const path = scratch.file("disk.vhd", makeVhd({ contents: new Uint8Array(81_920), creator, geometry }));
        const told: unknown = JSON.parse(qemuImg("info", "-f", "vpc", "--output=json", path));
        const disk = await VhdImage.open(await FsBackend.open(path));
        expect(told).toMatchObject({ "virtual-size": disk.size });
        await disk.close();
      });
    }
  }

  it("also where the file has been cut off behind its blocks, and its end is no footer", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.vhd", makeVhd({ contents: patternDisk(100_352), blockSize: 4096 }));
    truncateSync(path, readFileSync(path).length - 512);
    const disk = await VhdImage.open(await FsBackend.open(path));
    expect(firstDifference(await contents(disk), patternDisk(100_352))).toBe(-1);
    await disk.close();
  });
});
