import { memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { isImageError, probeVdi, ImageError, type ImageErrorCode, VdiImage } from "../src/index.js";
import { makeVdi } from "./vdi-writer.js";

const good = makeVdi({ contents: patternDisk(65_536), blockSize: 4096 });

async function failure(change: (view: DataView) => void, length = good.length): Promise<ImageError> {
  const bytes = good.slice(0, length);
  change(new DataView(bytes.buffer));
  try {
    const disk = await VdiImage.open(await memoryOf(bytes, "bad.vdi"));
    await disk.read(new Uint8Array(disk.size), 0);
  } catch (error) {
    if (isImageError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const cases: [field: string, code: ImageErrorCode, position: number, value: number][] = [
  ["signature", "ERR_NOT_THIS_FORMAT", 0x40, 1],
  ["version", "ERR_UNSUPPORTED_VERSION", 0x44, 0x00020000],
  ["image_type", "ERR_UNSUPPORTED_FEATURE", 0x4c, 4],
  ["offset_bmap", "ERR_INVALID_HEADER", 0x154, 513],
  ["offset_bmap", "ERR_INVALID_HEADER", 0x154, 0],
  ["offset_data", "ERR_INVALID_HEADER", 0x158, 1000],
  ["sector_size", "ERR_INVALID_HEADER", 0x168, 4096],
  ["disk_size", "ERR_INVALID_HEADER", 0x170, 65_537],
  ["disk_size", "ERR_INVALID_HEADER", 0x174, 0xffffffff],
  ["block_size", "ERR_INVALID_HEADER", 0x178, 0],
  ["block_size", "ERR_INVALID_HEADER", 0x178, 4097],
  ["block_size", "ERR_INVALID_HEADER", 0x178, 256],
  ["block_extra", "ERR_UNSUPPORTED_FEATURE", 0x17c, 512],
  ["blocks_in_image", "ERR_INVALID_HEADER", 0x180, 0xffffffff],
  ["uuid_link", "ERR_UNSUPPORTED_FEATURE", 0x1a8, 7],
  ["uuid_parent", "ERR_UNSUPPORTED_FEATURE", 0x1b8, 7],
  ["block map entry 0", "ERR_CORRUPT", 512, 16],
  ["size of the file", "ERR_TRUNCATED", 0x154, 0x7ffffe00],
  ["size of the file", "ERR_TRUNCATED", 0x158, 0x7ffffe00],
];

describe("VDI images that are refused", () => {
  for (const [field, code, position, value] of cases) {
    it(`${field} ${value}: ${code}`, async () => {
      const error = await failure((view) => view.setUint32(position, value, true));
      expect(error).toMatchObject({ code, field });
      expect(error.rule).toBeTruthy();
      expect(error.message).toContain("bad.vdi");
      expect(isImageError(error, code)).toBe(true);
      expect(isImageError(error, "ERR_INVALID_OPTION")).toBe(false);
    });
  }

  it("an entry that cannot be, behind one that it would follow", async () => {
    const bytes = good.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(512, 15, true);
    view.setUint32(516, 16, true);
    const disk = await VdiImage.open(await memoryOf(Buffer.concat([bytes, new Uint8Array(65_536)])));
    await disk.read(new Uint8Array(4096), 0);
    await expect(disk.read(new Uint8Array(4097), 0)).rejects.toMatchObject({ code: "ERR_CORRUPT", value: 16 });
  });

  it("a file cut off in its last block gives what is there", async () => {
    const disk = await VdiImage.open(await memoryOf(good.slice(0, -512)));
    const last = disk.size - 4096;
    await disk.read(new Uint8Array(3584), last);
    await expect(disk.read(new Uint8Array(1), last + 3584)).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
  });

  it("an empty file and a raw disk are not VDI", async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(511), new Uint8Array(4096)]) {
      const file = await memoryOf(bytes);
      expect(await probeVdi(file)).toBe(false);
      await expect(VdiImage.open(file)).rejects.toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
      // It is still the caller's.
      expect(file.size).toBe(bytes.length);
      await file.read(new Uint8Array(0), 0);
    }
  });

  it("an option that is out of its range", async () => {
    const opening = VdiImage.open(await memoryOf(good), { cacheBytes: -1 });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "cacheBytes" });
  });

  it("odd disk sizes are rounded up to a sector, as QEMU does", async () => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(0x170, 65_536 - 511, true);
    expect((await VdiImage.open(await memoryOf(bytes))).size).toBe(65_536);
  });
});
