import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
let disk: Buffer;

beforeAll(async () => {
  disk = writeDisk(at("in.raw"), 300_032, SEED);
  await instar(["convert", "-f", "raw", "-O", "qcow2", at("in.raw"), at("in.qcow2")]);
});

describe("dd", () => {
  it("copies everything where nothing else is said", async () => {
    const outcome = await instar(["dd", `if=${at("in.qcow2")}`, `of=${at("all.raw")}`]);
    expect(outcome).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(at("all.raw")).equals(disk)).toBe(true);
  });

  it("copies a part, from the block that skip names to the one that count names", async () => {
    await instar(["dd", "-f", "raw", "bs=1000", "skip=3", "count=50", `if=${at("in.raw")}`, `of=${at("part.raw")}`]);
    const part = readFileSync(at("part.raw"));
    expect(part.byteLength).toBe(47_104);
    expect(part.subarray(0, 47_000).equals(disk.subarray(3000, 50_000))).toBe(true);
    expect(part.subarray(47_000).every((byte) => byte === 0)).toBe(true);
  });

  it("makes a qcow2 image with -O qcow2", async () => {
    const argv = ["dd", "-O", "qcow2", "bs=64k", "skip=1", `if=${at("in.qcow2")}`, `of=${at("part.qcow2")}`];
    expect((await instar(argv)).code).toBe(0);
    expect((await instar(["check", at("part.qcow2")])).code).toBe(0);
    await instar(["convert", at("part.qcow2"), at("back.raw")]);
    expect(readFileSync(at("back.raw")).equals(disk.subarray(65_536))).toBe(true);
  });

  it("replaces a file that is there, however long", async () => {
    writeFileSync(at("long"), Buffer.alloc(1_000_000, 1));
    await instar(["dd", "-f", "raw", "count=2", `if=${at("in.raw")}`, `of=${at("long")}`]);
    expect(readFileSync(at("long")).equals(disk.subarray(0, 1024))).toBe(true);
  });

  it("refuses to replace its input", async () => {
    const { code, err } = await instar(["dd", "-f", "raw", `if=${at("in.raw")}`, `of=${at("in.raw")}`]);
    expect([code, err]).toEqual([1, expect.stringContaining("would be destroyed")]);
    expect(readFileSync(at("in.raw")).equals(disk)).toBe(true);
  });

  it.each([
    [["bs=0"], "bs must be between 1 and 2147483647"],
    [["bs=2G"], "bs must be between 1 and 2147483647"],
    [["bs=abc"], "invalid bs 'abc'"],
    [["count=-1"], "invalid count '-1'"],
    [["skip="], "invalid skip ''"],
    [["oflag=x"], "unrecognized operand oflag"],
    [["word"], "unrecognized operand word"],
  ])("refuses %j, and makes nothing", async (words, message) => {
    const { code, err } = await instar(["dd", ...words, `if=${at("in.raw")}`, `of=${at("new")}`]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(existsSync(at("new"))).toBe(false);
  });

  it("needs an input and an output", async () => {
    for (const words of [[], [`if=${at("in.raw")}`], [`of=${at("new")}`]]) {
      expect((await instar(["dd", ...words])).err).toContain("Must specify both input and output files");
    }
  });
});

/** How many bytes of an image are stored as data. */
async function allocated(format: string, name: string): Promise<number> {
  const map = JSON.parse(await qemu("qemu-img", "map", "--output=json", "-f", format, at(name))) as MapEntry[];
  return map.reduce((sum, { data, length }) => sum + (data ? length : 0), 0);
}

interface MapEntry {
  readonly data: boolean;
  readonly length: number;
}

describe.skipIf(!HAS_QEMU)(`dd does what qemu-img does ${NEEDS_QEMU}`, () => {
  it.each([
    [],
    ["bs=4k", "skip=3", "count=5"],
    ["bs=1000", "count=3"],
    ["bs=1000", "skip=299"],
    ["bs=1000", "skip=300"],
    ["bs=1000", "skip=301"],
    ["count=5", "skip=6"],
    ["count=0"],
    ["bs=1b", "count=1k"],
    ["bs=1M"],
    ["bs=0"],
    ["bogus=1"],
  ])("%s %s %s", async (...words) => {
    for (const format of ["raw", "qcow2"]) {
      const argv = (to: string): string[] => [
        "dd",
        "-f",
        "raw",
        "-O",
        format,
        ...words,
        `if=${at("in.raw")}`,
        `of=${at(to)}`,
      ];
      const ours = await instar(argv("ours"));
      const theirs = await program("qemu-img", argv("theirs"));
      expect([ours.code, ours.out, ours.err === ""]).toEqual([theirs.code, theirs.out, theirs.err === ""]);
      if (ours.code !== 0) continue;
      await qemu("qemu-img", "compare", "-f", format, "-F", format, at("ours"), at("theirs"));
      if (format === "raw") expect(statSync(at("ours")).size).toBe(statSync(at("theirs")).size);
      expect(await allocated(format, "ours")).toBe(await allocated(format, "theirs"));
      if (format === "qcow2") await qemu("qemu-img", "check", at("ours"));
    }
  });
});
