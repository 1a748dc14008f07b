import { contents, firstDifference, memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { isImageError, ImageError, type ImageErrorCode, probeVhd, VhdImage } from "../src/index.js";
import { makeVhd, sealVhd } from "./vhd-writer.js";

const size = 65_536;
const dynamic = makeVhd({ contents: patternDisk(size), blockSize: 4096 });

async function failureOf(bytes: Uint8Array): Promise<ImageError> {
  try {
    const disk = await VhdImage.open(await memoryOf(bytes, "bad.vhd"), { backing: "ignore" });
    await disk.read(new Uint8Array(disk.size), 0);
  } catch (error) {
    if (isImageError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Changes a field of the footer at the end and of its copy, and seals both. */
function withFooter(position: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(dynamic);
  for (const start of [0, bytes.length - 512]) {
    const footer = bytes.subarray(start, start + 512);
    new DataView(bytes.buffer, start).setUint32(position, value);
    sealVhd(footer, 64);
  }
  return bytes;
}

function withHeader(position: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(dynamic);
  new DataView(bytes.buffer, 512).setUint32(position, value);
  sealVhd(bytes.subarray(512, 1536), 36);
  return bytes;
}

const footerCases: [field: string, code: ImageErrorCode, position: number, value: number][] = [
  ["cookie", "ERR_NOT_THIS_FORMAT", 0, 1],
  ["file format version", "ERR_UNSUPPORTED_VERSION", 12, 0x20000],
  ["data offset", "ERR_INVALID_HEADER", 16, 0xffffffff],
  ["size of the file", "ERR_TRUNCATED", 20, 0x7fffffff],
  ["data offset", "ERR_INVALID_HEADER", 20, 513],
  ["current size", "ERR_INVALID_HEADER", 48, 0x7fffffff],
  ["current size", "ERR_INVALID_HEADER", 48, 0x1fe],
  ["max table entries", "ERR_INVALID_HEADER", 52, size + 512],
  ["disk type", "ERR_UNSUPPORTED_FEATURE", 60, 5],
];
const headerCases: typeof footerCases = [
  ["data offset", "ERR_INVALID_HEADER", 0, 1],
  ["table offset", "ERR_INVALID_HEADER", 16, 0xffffffff],
  ["table offset", "ERR_INVALID_HEADER", 20, 1540],
  ["size of the file", "ERR_TRUNCATED", 20, 0x7ffffe00],
  ["header version", "ERR_UNSUPPORTED_VERSION", 24, 0],
  ["max table entries", "ERR_INVALID_HEADER", 28, 15],
  ["block size", "ERR_INVALID_HEADER", 32, 0],
  ["block size", "ERR_INVALID_HEADER", 32, 6144],
];

describe("VHD images that are refused", () => {
  for (const [part, cases, change] of [
    ["footer", footerCases, withFooter],
    ["dynamic header", headerCases, withHeader],
  ] as const) {
    for (const [field, code, position, value] of cases) {
      it(`${part}: ${field}, with ${value} at ${position}: ${code}`, async () => {
        const error = await failureOf(change(position, value));
        expect(error).toMatchObject({ code, field });
        expect(error.rule).toBeTruthy();
        expect(error.message).toContain("bad.vhd");
        expect(isImageError(error, code)).toBe(true);
        expect(isImageError(error, "ERR_INVALID_OPTION")).toBe(false);
      });
    }
  }

  it("checksums that are wrong: of the footer and its copy, of the header", async () => {
    const bytes = Uint8Array.from(dynamic);
    bytes[100] = 1;
    expect(firstDifference(await contents(await VhdImage.open(await memoryOf(bytes))), patternDisk(size))).toBe(-1);
    bytes[bytes.length - 100] = 1;
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_CORRUPT", field: "footer checksum" });
    const other = Uint8Array.from(dynamic);
    other[1000] = 1;
    expect(await failureOf(other)).toMatchObject({ code: "ERR_CORRUPT", field: "dynamic header checksum" });
  });

  it("a block behind the end of the file", async () => {
    const bytes = Uint8Array.from(dynamic);
    new DataView(bytes.buffer).setUint32(1536, 0x7fffffff);
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_TRUNCATED" });
  });

  it("a fixed image that is too short for its disk", async () => {
    const bytes = makeVhd({ contents: patternDisk(size) });
    expect(await failureOf(bytes.subarray(512))).toMatchObject({ code: "ERR_TRUNCATED" });
  });

  it("a parent locator that cannot be", async () => {
    const bytes = makeVhd({
      contents: new Uint8Array(4096),
      blockSize: 4096,
      parent: { contents: new Uint8Array(4096).fill(1), uuid: 1, locators: { W2ru: "x" } },
    });
    for (const [position, value, code] of [
      [8, 0x7fffffff, "ERR_INVALID_HEADER"],
      [16, 0xffffffff, "ERR_TRUNCATED"],
      [20, 0x7fffffff, "ERR_TRUNCATED"],
    ] as const) {
      const bad = Uint8Array.from(bytes);
      new DataView(bad.buffer, 512 + 576).setUint32(position, value);
      sealVhd(bad.subarray(512, 1536), 36);
      expect(await failureOf(bad)).toMatchObject({ code, field: "parent locator W2ru" });
    }
  });

  it("a footer of a fixed image in the first sector and nowhere else", async () => {
    const footer = makeVhd({ contents: patternDisk(size) }).subarray(size);
    expect(await failureOf(Buffer.concat([footer, patternDisk(size)]))).toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
  });

  it("what is no VHD, nor shorter than a footer", async () => {
    for (const length of [0, 511, 512, 4096]) {
      const file = await memoryOf(new Uint8Array(length));
      expect(await probeVhd(file)).toBe(false);
      await expect(VhdImage.open(file)).rejects.toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
      await file.read(new Uint8Array(0), 0);
    }
  });

  it("an option that is out of its range", async () => {
    const opening = VhdImage.open(await memoryOf(dynamic), { cacheBytes: 0.5 });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "cacheBytes" });
  });
});

describe("a fixed VHD image", () => {
  it("stays one when its guest writes the header of another image to its first sectors", async () => {
    const disk = patternDisk(size);
    disk.set(dynamic.subarray(0, 4096));
    const image = await VhdImage.open(await memoryOf(makeVhd({ contents: disk })));
    expect(image.info().type).toBe("fixed");
    expect(firstDifference(await contents(image), disk)).toBe(-1);
  });

  it("can have its size taken from geometry or current size", async () => {
    const file = await memoryOf(makeVhd({ contents: patternDisk(size), creator: "vpc ", geometry: [2, 3, 4] }));
    expect((await VhdImage.open(file)).size).toBe(24 * 512);
    expect((await VhdImage.open(file, { sizeFrom: "geometry" })).size).toBe(24 * 512);
    expect((await VhdImage.open(file, { sizeFrom: "current-size" })).size).toBe(size);
  });
});
