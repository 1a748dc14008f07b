import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { contents, firstDifference, firstLie, patternDisk } from "@instar/image-format/testing";
import { hasQemu, qemuContents, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";
import { describe, expect, it } from "vitest";

import { probeVhdx, VhdxImage } from "../src/index.js";
import { makeVhdx, MIB } from "./vhdx-writer.js";

const sizes = [512, MIB, 3 * MIB - 512, 5 * MIB + 65_536 + 1024, 70 * MIB];
const variants = [
  "subformat=dynamic,block_size=1M",
  "subformat=dynamic,block_size=32M,block_state_zero=off",
  "subformat=fixed",
];

async function expectSame(path: string): Promise<VhdxImage> {
  const file = await FsBackend.open(path);
  expect(await probeVhdx(file)).toBe(true);
  const disk = await VhdxImage.open(file);
  const expected = qemuContents("vhdx", path);
  expect(disk.size).toBe(expected.length);
  expect(firstDifference(await contents(disk), expected)).toBe(-1);
  expect(await firstLie(disk, expected)).toBe(-1);
  await disk.close();
  return disk;
}

describe.skipIf(!hasQemu)(`VHDX images of qemu-img${qemuNote}`, () => {
  for (const size of sizes) {
    for (const variant of variants) {
      it(`of ${size} bytes with ${variant} hold the same bytes`, async () => {
        using scratch = new Scratch();
        const path = scratch.file("disk.vhdx");
        const raw = scratch.file("disk.raw", patternDisk(size));
        qemuImg("convert", "-f", "raw", "-O", "vhdx", "-o", variant, raw, path);
        const disk = await expectSame(path);
        expect(firstDifference(readFileSync(`${path}.raw`).subarray(0, size), readFileSync(raw))).toBe(-1);
        expect(disk.info()).toMatchObject({
          type: variant.includes("fixed") ? "fixed" : "dynamic",
          logReplayed: false,
        });
      });
    }
  }

  it("that were written to later hold the same bytes", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.vhdx");
    qemuImg("create", "-q", "-f", "vhdx", "-o", "block_size=1M", path, "40M");
    const random = [3, 17, 9, 31, 4].flatMap((mib) => ["-c", `write -P ${mib} ${mib}M 300k`]);
    execFileSync("qemu-io", ["-f", "vhdx", ...random, "-c", "write -P 90 5000000 3000000", path]);
    await expectSame(path);
  });

  it("and ours are read by it in the same way: the writer of these tests makes what it should", async () => {
    using scratch = new Scratch();
    for (const [sectorSize, reversed] of [
      [512, true],
      [512, false],
    ] as const) {
      const disk = patternDisk(5 * MIB + 4096);
      const path = scratch.file("disk.vhdx", makeVhdx({ contents: disk, sectorSize, reversed }));
      await expectSame(path);
      expect(firstDifference(readFileSync(`${path}.raw`), disk)).toBe(-1);
    }
  });

  it("of a disk of 60 TiB with nothing in it are one hole", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.vhdx");
    qemuImg("create", "-q", "-f", "vhdx", "-o", "block_size=32M", path, "60T");
    const disk = await VhdxImage.open(await FsBackend.open(path));
    let end = 0;
    for await (const { offset, length, kind } of disk.extents(0, disk.size)) {
      if (offset !== end || kind === "data") throw new Error(`${kind} at ${offset}`);
      end += length;
    }
    expect(end).toBe(60 * 2 ** 40);
    await disk.close();
  });
});
