import { contents, firstDifference, firstLie, memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { type ParentReference, VhdxImage } from "../src/index.js";
import { makeVhdx, MIB } from "./vhdx-writer.js";

const size = 3 * MIB + 8192;
const below = patternDisk(size);
const above = below.slice();
above.fill(0x33, 5000, 9000);
above.fill(0, MIB, MIB + 4096);
above.fill(0x44, 2 * MIB, 3 * MIB);
const guid = "0a0b0c0d-1112-1314-1516-1718191a1b1c";
const locator = {
  parent_linkage: `{${guid.toUpperCase()}}`,
  absolute_win32_path: "C:\\vm\\base.vhdx",
  relative_path: "..\\vm\\base.vhdx",
  volume_path: "\\\\?\\Volume{1}\\base.vhdx",
};
const child = makeVhdx({ contents: above, parent: { contents: below, locator } });
const base = makeVhdx({ contents: below, dataWriteGuid: guid });

describe("differencing VHDX images", () => {
  for (const sectorSize of [512, 4096]) {
    it(`have what the bitmaps of sectors of ${sectorSize} say, and the rest from the parent`, async () => {
      const parent = await memoryOf(base);
      const file = await memoryOf(makeVhdx({ contents: above, sectorSize, parent: { contents: below, locator } }));
      const disk = await VhdxImage.open(file, { openReferenced: () => VhdxImage.open(parent) });
      expect(firstDifference(await contents(disk), above)).toBe(-1);
      expect(firstDifference(await contents(disk, 333), above)).toBe(-1);
      expect(await firstLie(disk, above)).toBe(-1);
      expect(disk.info().type).toBe("differencing");
      await disk.close();
      await expect(parent.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    });
  }

  it("are refused without a gate, and name what they miss", async () => {
    const opening = VhdxImage.open(await memoryOf(child));
    await expect(opening).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED", value: "../vm/base.vhdx" });
  });

  it("tell the gate all names of the parent, the relative one first", async () => {
    const asked: ParentReference[] = [];
    await VhdxImage.open(await memoryOf(child, "top.vhdx"), {
      depth: 3,
      openReferenced: async (reference) => {
        asked.push(reference);
        return memoryOf(below);
      },
    });
    const { absolute_win32_path: absolute, volume_path: volume } = locator;
    expect(asked).toEqual([
      {
        kind: "backing",
        name: "../vm/base.vhdx",
        names: ["../vm/base.vhdx", absolute, volume],
        format: undefined,
        linkage: [guid],
        image: "top.vhdx",
        depth: 4,
      },
    ]);
  });

  it("do not take another image, or a parent that has changed since, for their parent", async () => {
    const other = await memoryOf(makeVhdx({ contents: below }));
    const opening = VhdxImage.open(await memoryOf(child), { openReferenced: () => VhdxImage.open(other) });
    await expect(opening).rejects.toMatchObject({ code: "ERR_PARENT_MISMATCH" });
    await expect(other.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("end a chain that is too long", async () => {
    const openReferenced = async ({ depth }: ParentReference): Promise<VhdxImage> =>
      VhdxImage.open(await memoryOf(child), { depth: depth + 50, openReferenced });
    const opening = VhdxImage.open(await memoryOf(child), { openReferenced });
    await expect(opening).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED" });
  });

  it("read as zeroes where the parent is ignored or too short", async () => {
    const alone = await contents(await VhdxImage.open(await memoryOf(child), { backing: "ignore" }));
    expect(alone.subarray(0, 4608).every((byte) => byte === 0)).toBe(true);
    expect(alone[5120]).toBe(0x33);
    const short = await VhdxImage.open(await memoryOf(child), { backing: await memoryOf(below.slice(0, 1000)) });
    const read = await contents(short);
    expect(firstDifference(read.slice(0, 1000), below.slice(0, 1000))).toBe(-1);
    expect(read.subarray(1000, 4608).every((byte) => byte === 0)).toBe(true);
  });
});
