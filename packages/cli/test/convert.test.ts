import { copyFileSync, existsSync, linkSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { makeDisk, SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const SIZE = 5_242_880 + 512;
let disk: Buffer;

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

async function allocated(file: string): Promise<number> {
  return JSON.parse(await good("check", "--output=json", file))["allocated-clusters"] ?? 0;
}

beforeAll(async () => {
  disk = writeDisk(at("disk.raw"), SIZE, SEED);
  await good("convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2"));
});

describe(`convert (INSTAR_SEED=${SEED})`, () => {
  it("from raw to qcow2 and back keeps every byte", async () => {
    await good("check", at("disk.qcow2"));
    await good("convert", at("disk.qcow2"), at("back.raw"));
    expect(readFileSync(at("back.raw")).equals(disk)).toBe(true);
  });

  it.each([
    ["-W"],
    ["-m", "1"],
    ["-m", "16", "-W"],
    ["-S", "512"],
    ["-S", "1M"],
    ["-o", "cluster_size=512"],
    ["-o", "cluster_size=2M,compat=v2"],
    ["-o", "cluster_size=4k", "-S", "64k", "-t", "unsafe", "-T", "none"],
  ])("keeps every byte with %s %s %s %s", async (...options) => {
    await good("convert", "-O", "qcow2", ...options, at("disk.raw"), at("other.qcow2"));
    await good("check", at("other.qcow2"));
    await good(
      "convert",
      ...options.filter((_, i) => options[i] !== "-o" && options[i - 1] !== "-o"),
      at("other.qcow2"),
      at("other.raw"),
    );
    expect(readFileSync(at("other.raw")).equals(disk)).toBe(true);
  });

  it("leaves out what is zero, cluster by cluster", async () => {
    const clusters = Array.from({ length: Math.ceil(SIZE / 65536) }, (_, i) =>
      disk.subarray(i * 65536, (i + 1) * 65536),
    );
    const full = clusters.filter((cluster) => cluster.some((byte) => byte !== 0)).length;
    expect(await allocated(at("disk.qcow2"))).toBe(full);
  });

  it("makes a sparse raw file", async () => {
    await good("create", "-q", "-f", "qcow2", at("empty.qcow2"), "64M");
    await good("convert", at("empty.qcow2"), at("empty.raw"));
    const { size, blocks } = statSync(at("empty.raw"));
    expect(size).toBe(64 * 1024 ** 2);
    expect(blocks * 512).toBeLessThan(65_536);
  });

  it("writes out everything with -S 0", async () => {
    await good("convert", "-S", "0", "-O", "qcow2", at("disk.raw"), at("full.qcow2"));
    expect(await allocated(at("full.qcow2"))).toBe(Math.ceil(SIZE / 65536));
    await good("create", "-q", "-f", "qcow2", at("small.qcow2"), "1M");
    await good("convert", "-S", "0", at("small.qcow2"), at("small.raw"));
    expect(statSync(at("small.raw")).blocks * 512).toBeGreaterThanOrEqual(1024 ** 2);
  });

  it("puts data in the order of the disk", async () => {
    const map = JSON.parse(await good("map", "--output=json", at("disk.qcow2"))) as {
      offset?: number;
      data: boolean;
    }[];
    const offsets = map.filter(({ data }) => data).map(({ offset }) => offset ?? 0);
    expect(offsets.length).toBeGreaterThan(3);
    expect(offsets).toEqual([...offsets].toSorted((a, b) => a - b));
  });

  it("shows how far it has come with -p", async () => {
    const out = await good("convert", "-p", "-O", "qcow2", at("disk.raw"), at("p.qcow2"));
    expect(out).toMatch(/^ {4}\(0\.00\/100%\)\r( {4}\(\d+\.\d\d\/100%\)\r)*? {4}\(100\.00\/100%\)\r\n$/);
    expect(await good("convert", "-p", "-q", "-O", "qcow2", at("disk.raw"), at("p.qcow2"))).toBe("");
  });

  it("replaces a longer file that is there", async () => {
    writeDisk(at("longer"), 4 * SIZE, SEED + 1);
    await good("convert", at("disk.qcow2"), at("longer"));
    expect(readFileSync(at("longer")).equals(disk)).toBe(true);
  });
});

describe(`convert over a backing file (INSTAR_SEED=${SEED})`, () => {
  it("writes only what differs from it", async () => {
    const changed = Buffer.from(disk);
    changed.fill(0xee, 1_000_000, 1_000_100);
    changed.fill(0, 2_000_000, 2_300_000);
    writeFileSync(at("changed.raw"), changed);
    const argv = ["convert", "-O", "qcow2", "-B", "disk.qcow2", "-F", "qcow2", at("changed.raw"), at("over.qcow2")];
    await good(...argv);
    expect(await allocated(at("over.qcow2"))).toBeLessThan(10);
    await good("check", at("over.qcow2"));
    expect(await good("compare", at("changed.raw"), at("over.qcow2"))).toBe("Images are identical.\n");
  });

  it.each([1_048_576, 8_388_608])("of another size (%d)", async (size) => {
    writeDisk(at("base.raw"), size, SEED);
    await good("convert", "-O", "qcow2", "-B", "base.raw", "-F", "raw", at("disk.raw"), at("sized.qcow2"));
    expect(await good("compare", at("disk.raw"), at("sized.qcow2"))).toBe("Images are identical.\n");
  });

  it("copies what an overlay shows", async () => {
    await good("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", at("overlay.qcow2"));
    await good("io", "-c", "write -q -P 9 1M 100k", "-c", "write -q -z 2M 1M", at("overlay.qcow2"));
    await good("convert", at("overlay.qcow2"), at("flat.raw"));
    const expected = Buffer.from(disk);
    expected.fill(9, 1_048_576, 1_048_576 + 102_400).fill(0, 2_097_152, 3_145_728);
    expect(readFileSync(at("flat.raw")).equals(expected)).toBe(true);
  });
});

describe(`convert -n (INSTAR_SEED=${SEED})`, () => {
  it.each(["raw", "qcow2"])("overwrites what a %s image held, zeroes included", async (format) => {
    writeDisk(at("before.raw"), SIZE + 65_536, SEED + 2);
    const before = readFileSync(at("before.raw"));
    await good("convert", "-O", format, at("before.raw"), at("target"));
    await good("convert", "-n", "-O", format, at("disk.raw"), at("target"));
    await good("convert", "-f", format, at("target"), at("after.raw"));
    const after = readFileSync(at("after.raw"));
    expect(after.subarray(0, SIZE).equals(disk)).toBe(true);
    expect(after.subarray(SIZE).equals(before.subarray(SIZE))).toBe(true);
  });

  it("refuses a target that is too small, or not there", async () => {
    await good("create", "-q", at("tiny.raw"), "1M");
    const small = await instar(["convert", "-n", "-O", "raw", at("disk.raw"), at("tiny.raw")]);
    expect(small.err).toContain(`output file is smaller than input file: '${at("tiny.raw")}' has 1048576 bytes`);
    expect(statSync(at("tiny.raw")).blocks).toBe(0);
    expect((await instar(["convert", "-n", "-O", "raw", at("disk.raw"), at("none.raw")])).code).toBe(1);
    expect(existsSync(at("none.raw"))).toBe(false);
  });
});

describe("convert refuses, and changes nothing,", () => {
  beforeAll(async () => {
    copyFileSync(at("disk.qcow2"), at("source.qcow2"));
    linkSync(at("source.qcow2"), at("hard.qcow2"));
    symlinkSync("source.qcow2", at("soft.qcow2"));
    await good("create", "-q", "-f", "qcow2", "-b", "source.qcow2", "-F", "qcow2", at("upper.qcow2"));
  });

  it.each([
    ["source.qcow2", "source.qcow2"],
    ["source.qcow2", "hard.qcow2"],
    ["source.qcow2", "soft.qcow2"],
    ["upper.qcow2", "source.qcow2"],
    ["upper.qcow2", "soft.qcow2"],
  ])("to write %s over itself (%s)", async (from, to) => {
    const before = readFileSync(at("source.qcow2"));
    const { code, err } = await instar(["convert", "-O", "qcow2", at(from), at(to)]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: convert: '[^\n]*' is in use as a source[^\n]*: it would be destroyed\n$/);
    const { code: again } = await instar(["convert", "-n", "-O", "qcow2", at(from), at(to)]);
    expect(again).toBe(1);
    expect(readFileSync(at("source.qcow2")).equals(before)).toBe(true);
  });

  it.each([
    [["-O", "bogus", "SRC", "DST"], "unknown file format 'bogus'"],
    [["-S", "1000", "SRC", "DST"], "-S '1000': must be a multiple of 512 up to 16777216"],
    [["-m", "20", "SRC", "DST"], "-m '20': must be a whole number from 1 to 16"],
    [["-t", "bogus", "SRC", "DST"], "-t 'bogus': must be one of none"],
    [["-T", "bogus", "SRC", "DST"], "-T 'bogus': must be one of none"],
    [["-o", "foo=1", "SRC", "DST"], "-o foo: raw has no such option"],
    [["-O", "qcow2", "-B", "disk.qcow2", "SRC", "DST"], "a backing file needs its format"],
    [["-O", "raw", "-B", "disk.qcow2", "-F", "qcow2", "SRC", "DST"], "format raw has no backing file"],
    [["-O", "qcow2", "-B", "disk.qcow2", "-F", "qcow2", "SRC", "SRC", "DST"], "makes no sense when concatenating"],
    [["-O", "qcow2", "-o", "compat=v2", "-n", "SRC", "DST"], "-o has no effect when skipping image creation"],
    [["--target-is-zero", "SRC", "DST"], "--target-is-zero requires use of -n flag"],
    [["-C", "-S", "4k", "SRC", "DST"], "Cannot enable copy offloading when -S is used"],
    [["-C", "--salvage", "SRC", "DST"], "Cannot use copy offloading in salvaging mode"],
    [["-r", "fast", "SRC", "DST"], "invalid rate limit 'fast'"],
    [["SRC"], "expecting a source and a target"],
    [["-f", "qcow2", "disk.raw", "DST"], "could not open"],
    [["missing", "DST"], "no such file"],
  ])("%j", async (argv, message) => {
    writeFileSync(at("kept"), "precious");
    const names: Record<string, string> = { SRC: at("disk.qcow2"), DST: at("kept"), "disk.raw": at("disk.raw") };
    const { code, out, err } = await instar(["convert", ...argv.map((word) => names[word] ?? word)]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(message);
    expect(readFileSync(at("kept"), "utf8")).toBe("precious");
  });
});

describe("convert that fails half-way", () => {
  // An L2 entry that points far behind the end of the file.
  function damaged(): string {
    const image = readFileSync(at("disk.qcow2"));
    const l1 = Number(image.readBigUInt64BE(40));
    const l2 = Number(image.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
    image.writeBigUInt64BE(0x8000_0100_0000_0000n, l2 + 8 * 70);
    writeFileSync(at("damaged.qcow2"), image);
    return at("damaged.qcow2");
  }

  it("removes the target it has made", async () => {
    const { code, err } = await instar(["convert", damaged(), at("half.raw")]);
    expect(code).toBe(1);
    expect(err.split("\n")).toHaveLength(2);
    expect(existsSync(at("half.raw"))).toBe(false);
  });

  it("leaves a target that was there empty, and says so", async () => {
    writeFileSync(at("was.raw"), "old");
    const { code, err } = await instar(["convert", damaged(), at("was.raw")]);
    expect(code).toBe(1);
    expect(err).toContain("was being replaced, and is left empty");
    expect(statSync(at("was.raw")).size).toBe(0);
  });

  it("removes the target when it is interrupted, and exits like a program that was", async () => {
    writeFileSync(at("large.raw"), makeDisk(64 * 1024 ** 2, SEED));
    let stop: (signal: "SIGINT") => void = () => {};
    const done = instar(["convert", "-m", "1", "-O", "qcow2", at("large.raw"), at("half.qcow2")], {
      onStart: (given) => (stop = given),
    });
    while (!existsSync(at("half.qcow2"))) await new Promise((resolve) => setImmediate(resolve));
    stop("SIGINT");
    expect(await done).toEqual({ code: 130, out: "", err: "instar: convert: interrupted by SIGINT\n" });
    expect(existsSync(at("half.qcow2"))).toBe(false);
  });
});

describe.skipIf(!HAS_QEMU)(`qemu-img agrees with convert ${NEEDS_QEMU} (INSTAR_SEED=${SEED})`, () => {
  it("on images that we made", async () => {
    await qemu("qemu-img", "check", at("disk.qcow2"));
    await qemu("qemu-img", "compare", "-f", "raw", at("disk.raw"), at("disk.qcow2"));
  });

  it.each([
    ["plain", []],
    ["compressed", ["-c"]],
    ["preallocated", ["-o", "preallocation=metadata"]],
    ["of version 2", ["-o", "compat=v2,cluster_size=4k"]],
  ])("on images that it made: %s", async (_, options) => {
    await qemu("qemu-img", "convert", "-f", "raw", "-O", "qcow2", ...options, at("disk.raw"), at("theirs.qcow2"));
    await good("convert", at("theirs.qcow2"), at("theirs.raw"));
    expect(readFileSync(at("theirs.raw")).equals(disk)).toBe(true);
  });

  it("on what an image over a backing file shows", async () => {
    writeDisk(at("q.raw"), SIZE, SEED + 3);
    await good("convert", "-O", "qcow2", "-B", "disk.qcow2", "-F", "qcow2", at("q.raw"), at("q.qcow2"));
    expect((await program("qemu-img", ["check", at("q.qcow2")])).code).toBe(0);
    await qemu("qemu-img", "compare", "-f", "raw", at("q.raw"), at("q.qcow2"));
  });
});
