import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { FsBackend } from "@instar/backend-fs";
import { contents, firstDifference, firstLie, patternDisk } from "@instar/image-format/testing";
import { hasQemu, qemuContents, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";
import { describe, expect, it } from "vitest";

import { probeVmdk, type ReferenceGate, VmdkImage } from "../src/index.js";

const MIB = 1024 * 1024;
const sizes = [512, 65_536, MIB + 512, 5 * MIB + 65_536 + 1024, 70 * MIB];
const subformats = [
  "monolithicSparse",
  "streamOptimized",
  "twoGbMaxExtentSparse",
  "twoGbMaxExtentFlat",
  "monolithicFlat",
];

/** Opens what an image names, beside it. */
const beside: ReferenceGate = async ({ kind, name, image }) => {
  const file = await FsBackend.open(join(dirname(image), name));
  return kind === "extent" ? file : VmdkImage.open(file, { openReferenced: beside });
};

async function open(path: string): Promise<VmdkImage> {
  const file = await FsBackend.open(path);
  expect(await probeVmdk(file)).toBe(true);
  return VmdkImage.open(file, { openReferenced: beside });
}

describe.skipIf(!hasQemu)(`VMDK images of qemu-img${qemuNote}`, () => {
  for (const size of sizes) {
    for (const subformat of subformats) {
      it(`${subformat}, of ${size} bytes, hold the same bytes`, async () => {
        using scratch = new Scratch();
        const path = scratch.file("disk.vmdk");
        const raw = scratch.file("disk.raw", patternDisk(size));
        qemuImg("convert", "-f", "raw", "-O", "vmdk", "-o", `subformat=${subformat}`, raw, path);
        const disk = await open(path);
        const expected = qemuContents("vmdk", path);
        expect(firstDifference(await contents(disk), expected)).toBe(-1);
        expect(firstDifference(expected, readFileSync(raw))).toBe(-1);
        expect(await firstLie(disk, expected)).toBe(-1);
        expect(disk.info()).toMatchObject({ createType: subformat, size, compressed: subformat === "streamOptimized" });
        await disk.close();
      });
    }
  }

  it("over a parent, with zeroed grains, hold the same bytes", async () => {
    using scratch = new Scratch();
    const raw = scratch.file("disk.raw", patternDisk(3 * MIB));
    const base = scratch.file("base.vmdk");
    const path = scratch.file("over.vmdk");
    qemuImg("convert", "-f", "raw", "-O", "vmdk", raw, base);
    qemuImg("create", "-q", "-f", "vmdk", "-o", "zeroed_grain=on", "-b", base, "-F", "vmdk", path);
    execFileSync("qemu-io", ["-f", "vmdk", "-c", "write -P 90 700000 3000", "-c", "write -z 1M 64k", path]);
    const disk = await VmdkImage.open(await FsBackend.open(path), {
      openReferenced: async ({ kind, name, depth }) => {
        expect([kind, name, depth]).toEqual(["backing", base, 1]);
        return VmdkImage.open(await FsBackend.open(name));
      },
    });
    const expected = qemuContents("vmdk", path);
    expect(firstDifference(expected, readFileSync(raw))).toBe(700_000);
    const kinds = new Set<string>();
    for await (const { kind } of disk.extents(0, disk.size)) kinds.add(kind);
    expect([...kinds].sort()).toEqual(["data", "hole", "zero"]);
    expect(firstDifference(await contents(disk), expected)).toBe(-1);
    expect(await firstLie(disk, expected)).toBe(-1);
    await disk.close();
  });

  it("of a disk of 100 GiB in many files, or of 2 TiB in one, with nothing in it, are one hole", async () => {
    using scratch = new Scratch();
    for (const [name, size, subformat] of [
      ["split.vmdk", "100G", "twoGbMaxExtentSparse"],
      ["one.vmdk", "2T", "monolithicSparse"],
    ] as const) {
      qemuImg("create", "-q", "-f", "vmdk", "-o", `subformat=${subformat}`, scratch.file(name), size);
      const disk = await open(scratch.file(name));
      let end = 0;
      for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
        if (offset !== end || kind !== "hole") throw new Error(`${kind} at ${offset}`);
        end += length;
      }
      expect(end).toBe(disk.size);
      await disk.close();
    }
  });
});
