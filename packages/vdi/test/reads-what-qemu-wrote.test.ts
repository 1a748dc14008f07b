import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { contents, firstDifference, firstLie, patternDisk } from "@instar/image-format/testing";
import { hasQemu, qemuContents, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";
import { describe, expect, it } from "vitest";

import { probeVdi, VdiImage } from "../src/index.js";

const MIB = 1024 * 1024;
const sizes = [512, 65_536, MIB, MIB + 512, 3 * MIB - 512, 5 * MIB + 65_536 + 1024, 70 * MIB];

describe.skipIf(!hasQemu)(`VDI images of qemu-img${qemuNote}`, () => {
  for (const size of sizes) {
    for (const option of ["static=off", "static=on"]) {
      it(`of ${size} bytes with ${option} hold the same bytes`, async () => {
        using scratch = new Scratch();
        const path = scratch.file("disk.vdi");
        const raw = scratch.file("disk.raw", patternDisk(size));
        qemuImg("convert", "-f", "raw", "-O", "vdi", "-o", option, raw, path);
        const file = await FsBackend.open(path);
        expect(await probeVdi(file)).toBe(true);
        const disk = await VdiImage.open(file);
        const expected = qemuContents("vdi", path);
        expect(firstDifference(await contents(disk), expected)).toBe(-1);
        expect(firstDifference(expected, readFileSync(raw))).toBe(-1);
        expect(await firstLie(disk, expected)).toBe(-1);
        expect(disk.info().type).toBe(option === "static=on" ? "static" : "dynamic");
        await disk.close();
      });
    }
  }

  it("of a disk of 2 TiB with nothing in it are one hole", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.vdi");
    qemuImg("create", "-f", "vdi", path, "2T");
    const disk = await VdiImage.open(await FsBackend.open(path));
    let end = 0;
    for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
      expect([offset, kind]).toEqual([end, "hole"]);
      end += length;
    }
    expect(end).toBe(2 ** 41);
    await disk.close();
  });
});
