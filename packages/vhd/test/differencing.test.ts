import { contents, firstDifference, firstLie, memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { type ParentReference, VhdImage } from "../src/index.js";
import { makeVhd, type VhdContents } from "./vhd-writer.js";

const size = 262_144;
const below = patternDisk(size);
const above = below.slice();
above.fill(0x33, 5000, 9000);
above.fill(0, 65_536, 66_560);
above.fill(0x44, size - 512);
const names = { W2ku: "C:\\vm\\base.vhd", MacX: "file:///vm/base.vhd", W2ru: ".\\sub\\base.vhd" };

function child(parent: Partial<VhdContents["parent"]> = {}): Uint8Array {
  return makeVhd({ contents: above, blockSize: 4096, uuid: 8, parent: { contents: below, uuid: 7, ...parent } });
}

describe("differencing VHD images", () => {
  it("have what the sector bitmaps say, and the rest from the parent", async () => {
    const parent = await memoryOf(makeVhd({ contents: below, blockSize: 8192, uuid: 7 }));
    const disk = await VhdImage.open(await memoryOf(child()), { openReferenced: () => VhdImage.open(parent) });
    expect(firstDifference(await contents(disk), above)).toBe(-1);
    expect(await firstLie(disk, above)).toBe(-1);
    await disk.close();
    await expect(parent.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("may have a bitmap that is read in two slices", async () => {
    const large = new Uint8Array(2 ** 24);
    // The locator puts the bitmap where a slice of 16 KiB ends in its middle: at the sector 16,384.
    large.fill(1, 16_371 * 512, 16_399 * 512);
    const parent = { contents: new Uint8Array(large.length), uuid: 7, locators: { W2ru: "x".repeat(6000) } };
    const image = makeVhd({ contents: large, blockSize: large.length, parent });
    const disk = await VhdImage.open(await memoryOf(image), { backing: "ignore" });
    for (const offset of [16_365 * 512, 16_371 * 512, 16_377 * 512, 16_384 * 512 - 7]) {
      const bytes = new Uint8Array(50 * 512);
      await disk.read(bytes, offset);
      expect(firstDifference(bytes, large.slice(offset, offset + bytes.length))).toBe(-1);
    }
  });

  it("are refused without a gate, and name what they miss", async () => {
    const opening = VhdImage.open(await memoryOf(child({ locators: names })));
    await expect(opening).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED", value: "./sub/base.vhd" });
  });

  it("tell the gate all names of the parent, the relative one first", async () => {
    const asked: ParentReference[] = [];
    const disk = await VhdImage.open(await memoryOf(child({ locators: names, name: "base.vhd" }), "top.vhd"), {
      depth: 3,
      openReferenced: async (reference) => {
        asked.push(reference);
        return memoryOf(below);
      },
    });
    expect(asked).toEqual([
      {
        kind: "backing",
        name: "./sub/base.vhd",
        names: ["./sub/base.vhd", "C:\\vm\\base.vhd", "file:///vm/base.vhd", "base.vhd"],
        format: undefined,
        uuid: "00000007-0000-0000-0000-000000000000",
        image: "top.vhd",
        depth: 4,
      },
    ]);
    expect(firstDifference(await contents(disk), above)).toBe(-1);
  });

  it("do not take another image for their parent", async () => {
    const other = await memoryOf(makeVhd({ contents: below, blockSize: 8192, uuid: 9 }));
    const opening = VhdImage.open(await memoryOf(child()), { openReferenced: () => VhdImage.open(other) });
    await expect(opening).rejects.toMatchObject({ code: "ERR_PARENT_MISMATCH" });
    await expect(other.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("end a chain that is too long", async () => {
    const openReferenced = async ({ depth }: ParentReference): Promise<VhdImage> =>
      VhdImage.open(
        await memoryOf(makeVhd({ contents: above, blockSize: 4096, uuid: 7, parent: { contents: below, uuid: 7 } })),
        {
          depth,
          openReferenced,
        },
      );
    const opening = VhdImage.open(await memoryOf(child()), { openReferenced });
    await expect(opening).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED" });
  });

  it("read as zeroes where the parent is ignored or too short", async () => {
    const alone = await VhdImage.open(await memoryOf(child()), { backing: "ignore" });
    const bytes = await contents(alone);
    expect(bytes.subarray(0, 4608).every((byte) => byte === 0)).toBe(true);
    expect(bytes[5120]).toBe(0x33);
    const short = await VhdImage.open(await memoryOf(child()), { backing: await memoryOf(below.slice(0, 1000)) });
    const read = await contents(short);
    expect(firstDifference(read.slice(0, 1000), below.slice(0, 1000))).toBe(-1);
    expect(read.subarray(1000, 4608).every((byte) => byte === 0)).toBe(true);
  });
});
