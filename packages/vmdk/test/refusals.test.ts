import { contents, firstDifference, memoryOf, patternDisk } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import {
  type VmdkReference,
  isImageError,
  probeVmdk,
  ImageError,
  type ImageErrorCode,
  VmdkImage,
} from "../src/index.js";
import { descriptorOf, makeSparse, makeVmdk } from "./vmdk-writer.js";

const size = 65_536;
const disk = patternDisk(size);
const sparse = makeVmdk({ contents: disk, grainSize: 4096 });
const stream = makeVmdk({ contents: disk, grainSize: 4096, stream: true });

async function failureOf(
  bytes: Uint8Array,
  gate?: (reference: VmdkReference) => Promise<Uint8Array>,
): Promise<ImageError> {
  try {
    const image = await VmdkImage.open(await memoryOf(bytes, "bad.vmdk"), {
      openReferenced: gate && (async (reference) => memoryOf(await gate(reference), "bad.vmdk extent")),
    });
    await image.read(new Uint8Array(Math.min(image.size, 2 ** 20)), 0);
  } catch (error) {
    if (isImageError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const cases: [field: string, code: ImageErrorCode, position: number, value: number][] = [
  ["magic number", "ERR_NOT_THIS_FORMAT", 0, 1],
  ["magic number", "ERR_UNSUPPORTED_FEATURE", 0, 0x44574f43],
  ["version", "ERR_UNSUPPORTED_VERSION", 4, 4],
  ["capacity", "ERR_INVALID_HEADER", 16, 0xffffffff],
  ["grainSize", "ERR_INVALID_HEADER", 20, 0],
  ["grainSize", "ERR_INVALID_HEADER", 20, 9],
  ["grainSize", "ERR_INVALID_HEADER", 20, 2 ** 22],
  ["descriptorOffset", "ERR_INVALID_HEADER", 28, 0],
  ["size of the file", "ERR_TRUNCATED", 28, 0x7fffffff],
  ["size of the descriptor", "ERR_INVALID_HEADER", 36, 2049],
  ["numGTEsPerGT", "ERR_INVALID_HEADER", 44, 0],
  ["numGTEsPerGT", "ERR_INVALID_HEADER", 44, 513],
  ["size of the file", "ERR_TRUNCATED", 56, 0x7fffffff],
  ["line end detection", "ERR_CORRUPT", 73, 0x0a0d0a0d],
  ["compressAlgorithm", "ERR_UNSUPPORTED_FEATURE", 77, 2],
  ["flags", "ERR_UNSUPPORTED_FEATURE", 77, 1],
];

describe("VMDK images that are refused", () => {
  for (const [field, code, position, value] of cases) {
    it(`${field}, with ${value} at ${position}: ${code}`, async () => {
      const bytes = Uint8Array.from(sparse);
      new DataView(bytes.buffer).setUint32(position, value, true);
      const error = await failureOf(bytes);
      expect(error).toMatchObject({ code, field });
      expect(error.rule).toBeTruthy();
      expect(error.message).toContain("bad.vmdk");
      expect(isImageError(error, code)).toBe(true);
      expect(isImageError(error, "ERR_INVALID_OPTION")).toBe(false);
    });
  }

  it("a grain behind the end of the file", async () => {
    // The last sector of the file is the directory; the one before it the only table.
    const bytes = Uint8Array.from(sparse);
    new DataView(bytes.buffer).setUint32(bytes.length - 512, 0x7fffffff, true);
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_TRUNCATED" });
    const other = Uint8Array.from(sparse);
    const table = new DataView(other.buffer).getUint32(other.length - 512, true) * 512;
    new DataView(other.buffer).setUint32(table, 0x7fffffff, true);
    expect(await failureOf(other)).toMatchObject({ code: "ERR_TRUNCATED" });
  });

  it("a stream without its end, with a broken grain, with a length that cannot be", async () => {
    expect(await failureOf(stream.subarray(0, -512))).toMatchObject({
      code: "ERR_CORRUPT",
      field: "marker of the footer",
    });
    const grainAt = 1024;
    for (const [at, value] of [
      [grainAt + 8, 0xffffffff],
      [grainAt + 8, 0],
      [grainAt + 8, 20],
      [grainAt + 40, 0xffffffff],
    ] as const) {
      const bytes = Uint8Array.from(stream);
      new DataView(bytes.buffer).setUint32(at, value, true);
      expect(await failureOf(bytes)).toMatchObject({ code: "ERR_CORRUPT" });
    }
  });

  it("a grain that unpacks to less than the disk has of it", async () => {
    const whole = makeVmdk({ contents: disk.subarray(0, 4096), grainSize: 4096, stream: true });
    const short = makeVmdk({ contents: disk.subarray(0, 1024), grainSize: 4096, stream: true });
    const bytes = Uint8Array.from(whole);
    // Both begin with a header and a descriptor of one sector; then comes the grain.
    bytes.set(short.subarray(1024, 1024 + 1536), 1024);
    expect(await failureOf(bytes)).toMatchObject({
      code: "ERR_CORRUPT",
      field: "grain at 1024, unpacked",
      value: 1024,
    });
  });

  it("compressed grains that would take much memory", async () => {
    const bytes = Uint8Array.from(stream);
    for (const start of [0, bytes.length - 1024]) new DataView(bytes.buffer).setUint32(start + 20, 2 ** 12, true);
    expect(await failureOf(bytes)).toMatchObject({ code: "ERR_INVALID_HEADER", field: "grainSize" });
  });

  it("descriptors: kinds, extents and numbers that cannot be or are not supported", async () => {
    const flat = 'RW 128 FLAT "x" 0';
    for (const [text, code, field] of [
      [descriptorOf("vmfsSparse", [flat]), "ERR_UNSUPPORTED_FEATURE", "createType"],
      [descriptorOf("monolithicFlat", []), "ERR_INVALID_HEADER", "extents"],
      [descriptorOf("monolithicFlat", ["RW 128 FLAT"]), "ERR_INVALID_HEADER", "extent line"],
      [descriptorOf("monolithicFlat", ['RW 0 FLAT "x" 0']), "ERR_INVALID_HEADER", "extent line"],
      [descriptorOf("monolithicFlat", ['RW 9999999999999999 FLAT "x" 0']), "ERR_INVALID_HEADER", "extent line"],
      [descriptorOf("monolithicFlat", ['RW 128 SESPARSE "x"']), "ERR_UNSUPPORTED_FEATURE", "extent line"],
      [descriptorOf("monolithicFlat", ['NOACCESS 128 FLAT "x" 0']), "ERR_UNSUPPORTED_FEATURE", "extent line"],
      [
        descriptorOf(
          "monolithicFlat",
          Array.from({ length: 4097 }, () => flat),
        ),
        "ERR_INVALID_HEADER",
        "extents",
      ],
      [descriptorOf("monolithicFlat", [flat], { cid: "x" }), "ERR_INVALID_HEADER", "CID"],
      [descriptorOf("monolithicFlat", [flat], { parent: "7" }), "ERR_INVALID_HEADER", "parentFileNameHint"],
      [descriptorOf("monolithicFlat", [flat]).replace("createType", "creatType"), "ERR_INVALID_HEADER", "descriptor"],
      [descriptorOf("monolithicFlat", ['RW 129 FLAT "x" 0']), "ERR_TRUNCATED", "size of the file"],
      [descriptorOf("twoGbMaxExtentSparse", ['RW 128 SPARSE "x"']), "ERR_NOT_THIS_FORMAT", "magic number"],
    ] as const) {
      expect(await failureOf(Buffer.from(text), async () => disk)).toMatchObject({ code, field });
    }
  });

  it("an extent whose size is not the one that the descriptor tells", async () => {
    const text = descriptorOf("twoGbMaxExtentSparse", ['RW 136 SPARSE "x"']);
    const error = await failureOf(Buffer.from(text), async () => makeSparse({ contents: disk, grainSize: 4096 }));
    expect(error).toMatchObject({ code: "ERR_CORRUPT", field: "capacity" });
  });

  it("a descriptor that is too long", async () => {
    const text = Buffer.alloc(2 ** 20 + 1, `${descriptorOf("monolithicFlat", [])}\n`);
    expect(await failureOf(text)).toMatchObject({ code: "ERR_INVALID_HEADER", field: "size of the descriptor" });
  });

  it("what is no VMDK", async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(4096), Buffer.from("# a comment\nversion of something\n")]) {
      const file = await memoryOf(bytes);
      expect(await probeVmdk(file)).toBe(false);
      await expect(VmdkImage.open(file)).rejects.toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
      await file.read(new Uint8Array(0), 0);
    }
  });

  it("an option that is out of its range", async () => {
    const opening = VmdkImage.open(await memoryOf(sparse), { cacheBytes: -1 });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "cacheBytes" });
  });
});

describe("what a VMDK image names", () => {
  const text = Buffer.from(
    descriptorOf("twoGbMaxExtentFlat", ['RW 64 FLAT "a" 0', "RW 8 ZERO", 'RW 64 FLAT "b\u202e" 64']),
  );
  const child = makeVmdk(
    { contents: disk.slice().fill(5, 0, 100), grainSize: 4096, parent: disk },
    { parent: "77", parentName: "base.vmdk" },
  );

  it("is not opened without a gate", async () => {
    expect(await failureOf(text)).toMatchObject({ code: "ERR_REFERENCE_DENIED", field: "extent", value: "a" });
    expect(await failureOf(child)).toMatchObject({
      code: "ERR_REFERENCE_DENIED",
      field: "backing file",
      value: "base.vmdk",
    });
  });

  it("is asked of the gate, in order", async () => {
    const asked: VmdkReference[] = [];
    const image = await VmdkImage.open(await memoryOf(text, "top.vmdk"), {
      depth: 2,
      openReferenced: async (reference) => {
        asked.push(reference);
        return memoryOf(disk);
      },
    });
    const common = { kind: "extent", format: "raw", image: "top.vmdk", depth: 3 };
    expect(asked).toEqual([
      { ...common, name: "a" },
      { ...common, name: "b\u202e" },
    ]);
    const expected = Buffer.concat([disk.subarray(0, 32_768), new Uint8Array(4096), disk.subarray(32_768)]);
    expect(firstDifference(await contents(image), Uint8Array.from(expected))).toBe(-1);
  });

  it("is closed with the image, and when opening fails", async () => {
    const opened: Awaited<ReturnType<typeof memoryOf>>[] = [];
    const openReferenced = async ({ name }: VmdkReference): ReturnType<typeof memoryOf> => {
      const file = await memoryOf(name === "a" || opened.length < 2 ? disk : disk.subarray(0, 100));
      opened.push(file);
      return file;
    };
    await (await VmdkImage.open(await memoryOf(text), { openReferenced })).close();
    await expect(VmdkImage.open(await memoryOf(text), { openReferenced })).rejects.toMatchObject({
      code: "ERR_TRUNCATED",
    });
    expect(opened.length).toBe(4);
    for (const file of opened)
      await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("is no other parent than the one the image was made over", async () => {
    const parent = await memoryOf(makeVmdk({ contents: disk, grainSize: 4096 }, { cid: "78" }));
    const opening = VmdkImage.open(await memoryOf(child), { openReferenced: () => VmdkImage.open(parent) });
    await expect(opening).rejects.toMatchObject({ code: "ERR_PARENT_MISMATCH" });
    await expect(parent.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("is hidden by a zeroed grain, and told so", async () => {
    const contentsAbove = disk.slice().fill(0, 0, 4096);
    const ids = { parent: "77", parentName: "base.vmdk" };
    const file = await memoryOf(makeVmdk({ contents: contentsAbove, grainSize: 4096, parent: disk }, ids));
    const image = await VmdkImage.open(file, { backing: await memoryOf(disk) });
    expect(firstDifference(await contents(image), contentsAbove)).toBe(-1);
    for await (const { kind } of image.extents(0, 4096)) expect(kind).toBe("zero");
  });

  it("can be handed in, or ignored", async () => {
    const given = await VmdkImage.open(await memoryOf(child), { backing: await memoryOf(disk) });
    expect(firstDifference(await contents(given), disk.slice().fill(5, 0, 100))).toBe(-1);
    const alone = await contents(await VmdkImage.open(await memoryOf(child), { backing: "ignore" }));
    expect(alone[0]).toBe(5);
    expect(alone.subarray(4096).every((byte) => byte === 0)).toBe(true);
  });

  it("ends where a chain is too long", async () => {
    const openReferenced = async ({ depth }: VmdkReference): Promise<VmdkImage> =>
      VmdkImage.open(
        await memoryOf(makeVmdk({ contents: disk, grainSize: 4096 }, { cid: "77", parent: "77", parentName: "x" })),
        {
          depth,
          openReferenced,
        },
      );
    await expect(VmdkImage.open(await memoryOf(child), { openReferenced })).rejects.toMatchObject({
      code: "ERR_REFERENCE_DENIED",
    });
  });
});
