import { contents, firstDifference, memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { isImageError, probeVhdx, ImageError, type ImageErrorCode, VhdxImage } from "../src/index.js";
import { LOG_GUID, makeVhdx, MIB, PLACES, putLogEntry, sealAll } from "./vhdx-writer.js";

const disk = patternDisk(2 * MIB + 512);
const good = makeVhdx({ contents: disk });
const HEADERS = [64 * 1024, 128 * 1024] as const;
const REGIONS = [192 * 1024, 256 * 1024] as const;
const ITEMS = PLACES.metadata + 65_536;

async function failureOf(bytes: Uint8Array): Promise<ImageError> {
  try {
    const image = await VhdxImage.open(await memoryOf(bytes, "bad.vhdx"));
    await image.read(new Uint8Array(Math.min(image.size, 3 * MIB)), 0);
  } catch (error) {
    if (isImageError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Changes 32 bits at all of some places, and makes the checksums right. */
function changed(places: readonly number[], position: number, value: number, source = good): Uint8Array {
  const bytes = source.slice();
  for (const place of places) new DataView(bytes.buffer).setUint32(place + position, value, true);
  sealAll(bytes);
  return bytes;
}

const cases: [field: string, code: ImageErrorCode, places: readonly number[], position: number, value: number][] = [
  ["signature", "ERR_NOT_THIS_FORMAT", [0], 0, 1],
  ["header", "ERR_CORRUPT", HEADERS, 0, 1],
  ["Version", "ERR_UNSUPPORTED_VERSION", HEADERS, 64, 0x20000],
  ["LogVersion", "ERR_UNSUPPORTED_VERSION", HEADERS, 64, 0x10001],
  ["LogLength", "ERR_INVALID_HEADER", HEADERS, 68, 4096],
  ["LogOffset", "ERR_INVALID_HEADER", HEADERS, 72, 4096],
  ["LogOffset", "ERR_INVALID_HEADER", HEADERS, 76, 0xffffffff],
  ["region table", "ERR_CORRUPT", REGIONS, 0, 1],
  ["EntryCount of the region table", "ERR_INVALID_HEADER", REGIONS, 8, 2048],
  ["region", "ERR_INVALID_HEADER", REGIONS, 8, 1],
  ["region", "ERR_INVALID_HEADER", REGIONS, 8, 0],
  ["region", "ERR_UNSUPPORTED_FEATURE", REGIONS, 16, 1],
  ["FileOffset of region 2dc27766-f623-4200-9d64-115e9bfd4a08", "ERR_INVALID_HEADER", REGIONS, 32, 0],
  ["FileOffset of region 2dc27766-f623-4200-9d64-115e9bfd4a08", "ERR_INVALID_HEADER", REGIONS, 36, 0xffffffff],
  ["size of the file", "ERR_TRUNCATED", REGIONS, 32, 0x7ff00000],
  ["length of the block allocation table", "ERR_INVALID_HEADER", REGIONS, 40, 16],
  ["size of the file", "ERR_TRUNCATED", REGIONS, 64, 0x7ff00000],
  ["metadata region", "ERR_CORRUPT", [PLACES.metadata], 0, 1],
  ["EntryCount of the metadata", "ERR_INVALID_HEADER", [PLACES.metadata], 8, 0xffff0000],
  ["metadata", "ERR_UNSUPPORTED_FEATURE", [PLACES.metadata], 32, 1],
  ["place of the metadata caa16737-fa36-4d43-b3b6-33f0aa44e76b", "ERR_INVALID_HEADER", [PLACES.metadata], 48, 65_535],
  [
    "place of the metadata caa16737-fa36-4d43-b3b6-33f0aa44e76b",
    "ERR_INVALID_HEADER",
    [PLACES.metadata],
    48,
    0xffffffff,
  ],
  [
    "place of the metadata caa16737-fa36-4d43-b3b6-33f0aa44e76b",
    "ERR_INVALID_HEADER",
    [PLACES.metadata],
    52,
    0x7fffffff,
  ],
  ["length of fileParameters", "ERR_INVALID_HEADER", [PLACES.metadata], 52, 9],
  ["BlockSize", "ERR_INVALID_HEADER", [ITEMS], 0, 0],
  ["BlockSize", "ERR_INVALID_HEADER", [ITEMS], 0, 3 * MIB],
  ["BlockSize", "ERR_INVALID_HEADER", [ITEMS], 0, 512 * MIB],
  ["metadata", "ERR_INVALID_HEADER", [ITEMS], 4, 2],
  ["VirtualDiskSize", "ERR_INVALID_HEADER", [ITEMS], 8, 513],
  ["VirtualDiskSize", "ERR_INVALID_HEADER", [ITEMS], 12, 0x7fffffff],
  ["LogicalSectorSize", "ERR_INVALID_HEADER", [ITEMS], 32, 1024],
  ["state of block 0", "ERR_CORRUPT", [PLACES.table], 0, 4],
  ["state of block 0", "ERR_CORRUPT", [PLACES.table], 0, 7],
  ["place of block 0", "ERR_CORRUPT", [PLACES.table], 0, 6],
  ["size of the file", "ERR_TRUNCATED", [PLACES.table], 4, 0xffffffff],
];

describe("VHDX images that are refused", () => {
  for (const [field, code, places, position, value] of cases) {
    it(`${field}, with ${value} at ${places[0]} + ${position}: ${code}`, async () => {
      const error = await failureOf(changed(places, position, value));
      expect(error).toMatchObject({ code, field });
      expect(error.rule).toBeTruthy();
      expect(error.message).toContain("bad.vhdx");
      expect(isImageError(error, code)).toBe(true);
      expect(isImageError(error, "ERR_INVALID_OPTION")).toBe(false);
    });
  }

  it("both headers, or both region tables, with checksums that are wrong; one is enough", async () => {
    for (const [places, field] of [
      [HEADERS, "header"],
      [REGIONS, "region table"],
    ] as const) {
      const bytes = good.slice();
      bytes[places[0] + 3000] = 1;
      expect(firstDifference(await contents(await VhdxImage.open(await memoryOf(bytes))), disk)).toBe(-1);
      bytes[places[1] + 3000] = 1;
      expect(await failureOf(bytes)).toMatchObject({ code: "ERR_CORRUPT", field });
    }
  });

  it("the header with the smaller sequence number does not count", async () => {
    const bytes = good.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(HEADERS[0] + 68, 1, true);
    sealAll(bytes);
    await VhdxImage.open(await memoryOf(bytes));
    view.setBigUint64(HEADERS[0] + 8, view.getBigUint64(HEADERS[1] + 8, true), true);
    sealAll(bytes);
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_CORRUPT", field: "SequenceNumber" });
    view.setBigUint64(HEADERS[0] + 8, 9n, true);
    sealAll(bytes);
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_INVALID_HEADER", field: "LogLength" });
  });

  it("a log that is too large, or behind the end, when it is needed", async () => {
    const logged = makeVhdx({ contents: disk, logGuid: LOG_GUID });
    expect(await failureOf(changed(HEADERS, 68, 64 * MIB, logged))).toMatchObject({
      code: "ERR_UNSUPPORTED_FEATURE",
      field: "LogLength",
    });
    expect(await failureOf(changed(HEADERS, 72, 0x7ff00000, logged))).toMatchObject({ code: "ERR_TRUNCATED" });
    const zeroes = Array.from({ length: 4097 }, () => ({ offset: PLACES.data, zero: 4096 }));
    putLogEntry(logged, 0, { sequence: 1, tail: 0, changes: zeroes });
    expect(await failureOf(logged)).toMatchObject({ code: "ERR_UNSUPPORTED_FEATURE", field: "log" });
  });

  it("parent locators that cannot be, and bitmaps that are missing", async () => {
    const below = disk.slice().fill(1);
    const child = makeVhdx({
      contents: disk,
      parent: { contents: below, locator: { parent_linkage: "{x}", relative_path: "y" } },
    });
    const at = PLACES.metadata + 65_536 + 8 + 8 + 16 + 4 + 4;
    for (const [position, value, code, field] of [
      [0, 1, "ERR_UNSUPPORTED_FEATURE", "LocatorType"],
      [16, 0xffff0000, "ERR_INVALID_HEADER", "KeyValueCount"],
      [20, 0xffffffff, "ERR_INVALID_HEADER", "key or value of parentLocator"],
      [28, 0xffffffff, "ERR_INVALID_HEADER", "key or value of parentLocator"],
    ] as const) {
      expect(await failureOf(changed([at], position, value, child))).toMatchObject({ code, field });
    }
    const short = changed(REGIONS, 40, 4096 * 8, child);
    expect(await failureOf(short)).toMatchObject({
      code: "ERR_INVALID_HEADER",
      field: "length of the block allocation table",
    });
    const chunk = 4096;
    const bad = child.slice();
    new DataView(bad.buffer).setUint32(PLACES.table + chunk * 8, 0, true);
    const open = await VhdxImage.open(await memoryOf(bad), { backing: await memoryOf(below) });
    const partly = new DataView(bad.buffer).getUint32(PLACES.table, true) & 7;
    expect(partly === 7 || partly === 6).toBe(true);
    new DataView(bad.buffer).setUint32(PLACES.table, PLACES.data + 7, true);
    const other = await VhdxImage.open(await memoryOf(bad), { backing: await memoryOf(below) });
    await expect(other.read(new Uint8Array(512), 0)).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      field: "state of sector bitmap 0",
    });
    await open.close();
  });

  it("what is no VHDX, and one that has been cut off", async () => {
    for (const length of [0, 7, 4096]) {
      const file = await memoryOf(new Uint8Array(length));
      expect(await probeVhdx(file)).toBe(false);
      await expect(VhdxImage.open(file)).rejects.toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
      await file.read(new Uint8Array(0), 0);
    }
    for (const length of [8, 70_000, 130_000, 200_000, PLACES.metadata + 10, PLACES.table + 8, PLACES.data + 512]) {
      expect(await failureOf(good.slice(0, length))).toMatchObject({ code: "ERR_TRUNCATED" });
    }
  });

  it("an option that is out of its range", async () => {
    const opening = VhdxImage.open(await memoryOf(good), { cacheBytes: -1 });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "cacheBytes" });
  });
});

describe("blocks of a VHDX image", () => {
  it("of the second chunk stand behind the entry of the first one's sector bitmap", async () => {
    const bytes = good.slice();
    const view = new DataView(bytes.buffer);
    view.setBigUint64(ITEMS + 8, BigInt(5 * 2 ** 30), true);
    view.setBigUint64(PLACES.table + 4097 * 8, BigInt(PLACES.data + 6), true);
    const image = await VhdxImage.open(await memoryOf(bytes));
    const read = new Uint8Array(2 * MIB);
    await image.read(read, 2 ** 32 - MIB);
    expect(read.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
    expect(firstDifference(read.slice(MIB), disk.slice(0, MIB))).toBe(-1);
  });

  it("in the states that mean zeroes read as zeroes", async () => {
    for (const state of [0, 1, 2, 3, 5]) {
      const image = await VhdxImage.open(await memoryOf(changed([PLACES.table], 0, PLACES.data + state)));
      const bytes = await contents(image);
      expect(bytes.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
      expect(firstDifference(bytes.slice(MIB), disk.slice(MIB))).toBe(-1);
      for await (const { kind } of image.extents(0, MIB)) expect(kind).toBe(state === 0 ? "hole" : "zero");
    }
  });
});
