import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { bytesAt, expectClean, memoryFile, newImage, pattern } from "../engine/support.js";
import { ourBits } from "./bitmap-support.js";

const DIRECTORY_RULES: [string, number, number[]][] = [
  ["a table that is not at a cluster", 0, [0, 0, 0, 0, 0, 0, 0, 1]],
  ["a table of length 0", 8, [0, 0, 0, 0]],
  ["a table that is too long", 8, [0, 0, 0, 2]],
  ["a table of 16 GiB of bits", 8, [0xff, 0xff, 0xff, 0xff]],
  ["a reserved flag", 12, [0, 0, 0, 8]],
  ["another type", 16, [2]],
  ["a granularity of 256", 17, [8]],
  ["a granularity of 4 GiB", 17, [32]],
  ["no name", 18, [0, 0]],
  ["a name behind the directory", 18, [0xff, 0xff]],
  ["extra data behind the directory", 20, [0xff, 0xff, 0xff, 0xff]],
];

/** An image with a bitmap, and where its directory and its table are. */
async function withBitmap(): Promise<{ pages: MemoryPages; directory: number; table: number; extension: number }> {
  const { image, pages } = await newImage({ size: 1_000_000, clusterSize: 4096 });
  await image.bitmaps.add({ name: "bitmap" });
  await image.write(pattern(10, 1), 0);
  await image.close();
  const file = memoryFile(pages);
  const header = await bytesAt(file, 0, 512);
  const extension = 112 + 8;
  const view = new DataView(header.buffer);
  expect(view.getUint32(112)).toBe(0x23852875);
  const directory = Number(view.getBigUint64(extension + 16));
  const table = Number(new DataView((await bytesAt(file, directory, 8)).buffer).getBigUint64(0));
  return { pages, directory, table, extension };
}

/** The image can be read and written; its bitmaps are not there any more once it has been. */
async function expectRefused(pages: MemoryPages): Promise<void> {
  const image = await Qcow2Image.open(memoryFile(pages), { write: true });
  await expect(image.bitmaps.list()).rejects.toMatchObject({ code: "ERR_CORRUPT" });
  await image.write(pattern(10, 2), 5000);
  expect(await image.bitmaps.list()).toEqual([]);
  await image.close();
  const again = await Qcow2Image.open(memoryFile(pages));
  expect(again.info().features.autoclear).toEqual([]);
  expect(await bytesAt(again, 5000, 10)).toEqual(pattern(10, 2));
}

describe("a bitmap directory that breaks a rule", () => {
  it.each(DIRECTORY_RULES)("is refused, and given up by the first write: %s", async (_, at, bytes) => {
    const { pages, directory } = await withBitmap();
    pages.write(Uint8Array.from(bytes), directory + at);
    await expectRefused(pages);
  });

  it.each([
    ["none", 0, [0, 0, 0, 0]],
    ["more than there are", 0, [0, 0, 0, 2]],
    ["too many", 0, [0xff, 0xff, 0xff, 0xff]],
    ["too long", 8, [0, 0, 0, 1, 0, 0, 0, 0]],
    ["misplaced", 16, [0, 0, 0, 0, 0, 0, 0x10, 1]],
    ["behind the end", 16, [0, 0, 0, 1, 0, 0, 0, 0]],
    ["in the header", 16, [0, 0, 0, 0, 0, 0, 0, 0]],
  ] as [string, number, number[]][])("is refused where the header says: %s", async (_, at, bytes) => {
    const { pages, extension } = await withBitmap();
    pages.write(Uint8Array.from(bytes), extension + at);
    await expectRefused(pages);
  });
});

describe("a bitmap table that breaks a rule", () => {
  it.each([
    ["a reserved bit", [0x80, 0, 0, 0, 0, 0, 0, 0]],
    ["ones with an offset", [0, 0, 0, 0, 0, 0, 0x10, 1]],
    ["an offset inside a cluster", [0, 0, 0, 0, 0, 0, 2, 0]],
    ["an offset behind the end", [0, 0, 0, 1, 0, 0, 0, 0]],
  ] as [string, number[]][])("is refused when it is used: %s", async (_, bytes) => {
    const { pages, table } = await withBitmap();
    pages.write(Uint8Array.from(bytes), table);
    const image = await Qcow2Image.open(memoryFile(pages));
    await expect(ourBits(image, "bitmap", 4096)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(await image.bitmaps.list()).toHaveLength(1);
  });
});

describe("a bitmap of an unusual kind", () => {
  it("that is all ones and stored nowhere is dirty throughout, and stays so", async () => {
    const { pages, table } = await withBitmap();
    const before = await bytesAt(memoryFile(pages), table, 8);
    pages.write(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 1]), table);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    expect(await ourBits(image, "bitmap", 4096)).toBe("1".repeat(245));
    await image.write(pattern(10, 2), 5000);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages));
    expect(await ourBits(again, "bitmap", 4096)).toBe("1".repeat(245));
    expect(before).not.toEqual(new Uint8Array(8));
  });

  it("with extra data that may be ignored is kept right, and its data kept", async () => {
    for (const compatible of [true, false]) {
      const { pages, directory } = await withBitmap();
      const entry = await bytesAt(memoryFile(pages), directory, 32);
      const extra = new Uint8Array(40);
      extra.set(entry.subarray(0, 24));
      extra[15] = compatible ? 6 : 2;
      extra[23] = 8;
      extra.set([1, 2, 3, 4, 5, 6, 7, 8], 24);
      extra.set(entry.subarray(24, 32), 32);
      pages.write(extra, directory);
      const header = await bytesAt(memoryFile(pages), 0, 512);
      new DataView(header.buffer).setBigUint64(128, 40n);
      pages.write(header, 0);
      const image = await Qcow2Image.open(memoryFile(pages), { write: true });
      await image.write(pattern(10, 2), 500_000);
      await image.bitmaps.add({ name: "second", granularity: 65_536 });
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages));
      const [first] = await again.bitmaps.list();
      expect(first).toMatchObject({ name: "bitmap", inconsistent: !compatible });
      if (compatible) expect((await ourBits(again, "bitmap", 4096)).match(/1/g)).toHaveLength(2);
      await expectClean(again);
    }
  });

  it("cannot be added", async () => {
    const { image } = await newImage({ size: 2 ** 40, clusterSize: 65_536 });
    for (const wrong of [
      { name: "" },
      { name: "a\0" },
      { name: "é".repeat(512) },
      { name: "a", granularity: 256 },
      { name: "a", granularity: 5000 },
      { name: "a", granularity: 2 ** 32 },
    ]) {
      await expect(image.bitmaps.add(wrong)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    }
    await image.bitmaps.add({ name: "a", granularity: 512 });
    await expect(image.bitmaps.add({ name: "a" })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(image.bitmaps.clear("b")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(image.truncate(2 ** 42)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(image.truncate(0)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(ourBits(image, "c", 512)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    const past = image.bitmaps.dirty("a", 2 ** 40, 1)[Symbol.asyncIterator]();
    await expect(past.next()).rejects.toMatchObject({ code: "ERR_RANGE" });
    const old = (await newImage({ size: 1_000_000, version: 2 })).image;
    await expect(old.bitmaps.add({ name: "a" })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    const empty = (await newImage({ size: 0 })).image;
    await expect(empty.bitmaps.add({ name: "a" })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });
});
