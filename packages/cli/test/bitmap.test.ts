import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const disk = at("disk.qcow2");

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

interface Bitmap {
  readonly name: string;
  readonly granularity: number;
  readonly flags: readonly string[];
}

async function bitmapsOf(file: string): Promise<Bitmap[]> {
  return JSON.parse(await good("info", "--output=json", file))["format-specific"].data.bitmaps ?? [];
}

beforeAll(async () => {
  await good("create", "-q", "-f", "qcow2", at("new.qcow2"), "2M");
});

beforeEach(() => copyFileSync(at("new.qcow2"), disk));

describe("bitmap", () => {
  it("makes, disables, enables and removes", async () => {
    expect(await good("bitmap", "--add", disk, "a")).toBe("");
    await good("bitmap", "--add", "-g", "32k", "--disable", disk, "b");
    const [a, b] = [
      { name: "a", granularity: 65_536, flags: ["auto"] },
      { name: "b", granularity: 32_768, flags: [] },
    ];
    expect(await bitmapsOf(disk)).toEqual([a, b]);
    await good("bitmap", "--enable", disk, "b");
    await good("bitmap", "--disable", disk, "a");
    expect(await bitmapsOf(disk)).toEqual([
      { ...a, flags: [] },
      { ...b, flags: ["auto"] },
    ]);
    await good("bitmap", "--remove", disk, "a");
    expect((await bitmapsOf(disk)).map(({ name }) => name)).toEqual(["b"]);
    await good("check", "-q", disk);
  });

  it("carries out actions in their order, and stops at the first that fails", async () => {
    await good("bitmap", "--add", "--disable", "--enable", disk, "a");
    expect((await bitmapsOf(disk))[0]?.flags).toEqual(["auto"]);
    const { code, err } = await instar(["bitmap", "--add", "--remove", "--merge", "a", disk, "b"]);
    expect([code, err]).toEqual([1, expect.stringContaining("Operation merge on bitmap b failed")]);
    expect((await bitmapsOf(disk)).map(({ name }) => name)).toEqual(["a"]);
  });

  it.each([
    [["FILE", "a"], "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge"],
    [["--add", "FILE"], "Expecting filename and bitmap name"],
    [["--add", "FILE", "kept"], "Operation add on bitmap kept failed: "],
    [["--remove", "FILE", "x"], "Operation remove on bitmap x failed: "],
    [["--clear", "FILE", "x"], "Operation clear on bitmap x failed: "],
    [["--add", "-g", "1000", "FILE", "x"], "Operation add on bitmap x failed: "],
    [["--add", "FILE", ""], "Operation add on bitmap  failed: "],
    [["-g", "64k", "--clear", "FILE", "kept"], "granularity only supported with --add"],
    [["-b", "x", "--clear", "FILE", "kept"], "Merge bitmap source file only supported with --merge"],
    [["-F", "qcow2", "--merge", "kept", "FILE", "kept"], "-F only supported with -b"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    await good("bitmap", "--add", "--disable", disk, "kept");
    const before = await bitmapsOf(disk);
    const { code, err } = await instar(["bitmap", ...argv.map((word) => (word === "FILE" ? disk : word))]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(await bitmapsOf(disk)).toEqual(before);
    if (!HAS_QEMU) return;
    const theirs = await program("qemu-img", ["bitmap", ...argv.map((word) => (word === "FILE" ? disk : word))]);
    expect(theirs.code).toBe(1);
  });

  it("of a raw image is refused", async () => {
    writeFileSync(at("disk.raw"), Buffer.alloc(65_536));
    const { err } = await instar(["bitmap", "-f", "raw", "--add", at("disk.raw"), "x"]);
    expect(err).toContain("Operation add on bitmap x failed: format raw has no bitmaps");
  });
});

describe.skipIf(!HAS_QEMU)(`bitmap and qemu-img agree ${NEEDS_QEMU}`, () => {
  /** Carries out the same on both images. */
  async function both(...argv: string[]): Promise<void> {
    const [ours, theirs] = [
      await instar(argv.map((word) => word.replace("FILE", disk))),
      await program(
        "qemu-img",
        argv.map((word) => word.replace("FILE", at("theirs.qcow2"))),
      ),
    ];
    expect([argv.join(" "), ours.code]).toEqual([argv.join(" "), theirs.code]);
  }

  it("over a life of an image", async () => {
    copyFileSync(at("new.qcow2"), at("theirs.qcow2"));
    const write = async (command: string): Promise<void> => {
      await good("io", "-c", command, disk);
      await qemu("qemu-io", "-c", command, at("theirs.qcow2"));
    };
    await both("bitmap", "--add", "FILE", "a");
    await write("write -q 100k 200k");
    await both("bitmap", "--add", "-g", "128k", "FILE", "b");
    await write("write -q 1M 1k");
    await both("bitmap", "--disable", "FILE", "a");
    await write("write -q -z 1800k 100k");
    await both("bitmap", "--add", "--merge", "a", "--merge", "b", "FILE", "c");
    await both("bitmap", "--clear", "FILE", "b");
    await both("bitmap", "--remove", "FILE", "nothing");
    expect(await bitmapsOf(disk)).toEqual(await bitmapsOf(at("theirs.qcow2")));
    await qemu("qemu-img", "check", disk);
    // What is dirty, as QEMU reads it: merged into bitmaps of an image that it made.
    for (const name of ["a", "b", "c"]) {
      const map = async (file: string): Promise<string> => {
        const options = `driver=qcow2,x-dirty-bitmap=${name},file.filename=${file}`;
        return qemu("qemu-img", "map", "--output=json", "--image-opts", options).catch(() => "");
      };
      expect(await map(disk)).toBe(await map(at("theirs.qcow2")));
    }
  });

  it("on merging from another image", async () => {
    copyFileSync(at("new.qcow2"), at("other.qcow2"));
    await qemu("qemu-img", "bitmap", "--add", at("other.qcow2"), "x");
    await qemu("qemu-io", "-c", "write -q 0 64k", at("other.qcow2"));
    await good("bitmap", "--add", "--merge", "x", "-b", at("other.qcow2"), "-F", "qcow2", disk, "y");
    expect((await bitmapsOf(disk)).map(({ name }) => name)).toEqual(["y"]);
    await qemu("qemu-img", "check", disk);
    expect(readFileSync(disk).byteLength).toBeGreaterThan(readFileSync(at("new.qcow2")).byteLength);
  });
});

describe("convert --bitmaps", () => {
  beforeEach(async () => {
    await good("bitmap", "--add", disk, "x");
    await good("bitmap", "--add", "-g", "32k", "--disable", disk, "y");
    await good("io", "-c", "write -q -P 1 128k 256k", disk);
  });

  it("copies them as they are", async () => {
    await good("convert", "--bitmaps", "-O", "qcow2", disk, at("copy.qcow2"));
    expect(await bitmapsOf(at("copy.qcow2"))).toEqual(await bitmapsOf(disk));
    await good("check", "-q", at("copy.qcow2"));
    if (!HAS_QEMU) return;
    await qemu("qemu-img", "convert", "--bitmaps", "-O", "qcow2", disk, at("theirs.qcow2"));
    expect(await bitmapsOf(at("theirs.qcow2"))).toEqual(await bitmapsOf(disk));
    await qemu("qemu-img", "check", at("copy.qcow2"));
  });

  it.each([
    [["--bitmaps", "-O", "raw", "FILE", "OUT"], "does not support bitmaps"],
    [["--bitmaps", "-O", "qcow2", "-o", "compat=v2", "FILE", "OUT"], "does not support bitmaps"],
    [["--bitmaps", "-O", "qcow2", "FILE", "FILE", "OUT"], "Copying bitmaps only possible with single source"],
    [["--skip-broken-bitmaps", "-O", "qcow2", "FILE", "OUT"], "Use of --skip-broken-bitmaps requires --bitmaps"],
    [["--bitmaps", "-O", "qcow2", "RAW", "OUT"], "Source lacks bitmap support"],
  ])("refuses %j, and replaces nothing", async (argv, message) => {
    writeFileSync(at("disk.raw"), Buffer.alloc(65_536));
    writeFileSync(at("out"), "there before");
    const words = argv.map((word) =>
      word.replace("FILE", disk).replace("OUT", at("out")).replace("RAW", at("disk.raw")),
    );
    const { code, err } = await instar(["convert", ...words]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(readFileSync(at("out"), "utf8")).toBe("there before");
  });

  it("refuses an image that can have none before anything is written to it", async () => {
    await good("create", "-q", "-f", "raw", at("flat.raw"), "8M");
    const { code, err } = await instar(["convert", "--bitmaps", "-n", "-O", "raw", disk, at("flat.raw")]);
    expect([code, err]).toEqual([1, expect.stringContaining("does not support bitmaps")]);
    expect(readFileSync(at("flat.raw")).every((byte) => byte === 0)).toBe(true);
  });

  it.skipIf(!HAS_QEMU)(`measure tells the same of them as qemu-img ${NEEDS_QEMU}`, async () => {
    for (const options of [[], ["-o", "cluster_size=4k"], ["-o", "cluster_size=2M"], ["-o", "compat=0.10"]]) {
      const argv = ["measure", "-O", "qcow2", ...options, disk];
      expect(await good(...argv)).toBe(await qemu("qemu-img", ...argv));
    }
  });
});
