import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const SIZE = 3_145_728 + 512;
let disk: Buffer;

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

/** Clusters in use, and how many of them are compressed. */
async function clusters(file: string): Promise<[all: number, compressed: number]> {
  const report = JSON.parse(await good("check", "--output=json", file));
  return [report["allocated-clusters"] ?? 0, report["compressed-clusters"] ?? 0];
}

async function shown(file: string): Promise<Buffer> {
  await good("convert", "-O", "raw", file, at("shown.raw"));
  return readFileSync(at("shown.raw"));
}

beforeAll(async () => {
  disk = writeDisk(at("disk.raw"), SIZE, SEED);
  await good("convert", "-O", "qcow2", at("disk.raw"), at("plain.qcow2"));
});

describe(`convert -c (INSTAR_SEED=${SEED})`, () => {
  it.each([
    [[]],
    [["-o", "compression_type=zstd"]],
    [["-o", "cluster_size=512"]],
    [["-o", "cluster_size=2M"]],
    [["-W", "-m", "16"]],
    [["-o", "compat=v2,cluster_size=4k", "-S", "64k"]],
  ])("keeps every byte with %j", async (options) => {
    await good("convert", "-c", "-O", "qcow2", ...options, at("disk.raw"), at("packed.qcow2"));
    const [all, compressed] = await clusters(at("packed.qcow2"));
    expect(all).toBeGreaterThan(0);
    expect(compressed).toBe(all);
    expect((await shown(at("packed.qcow2"))).equals(disk)).toBe(true);
    if (!HAS_QEMU) return;
    await qemu("qemu-img", "check", at("packed.qcow2"));
    await qemu("qemu-img", "compare", at("disk.raw"), at("packed.qcow2"));
  });

  it("leaves out what is zero, and with -S 0 nothing", async () => {
    const [plain] = await clusters(at("plain.qcow2"));
    await good("convert", "-c", "-O", "qcow2", at("plain.qcow2"), at("packed.qcow2"));
    expect(await clusters(at("packed.qcow2"))).toEqual([plain, plain]);
    const count = Math.ceil(SIZE / 65_536);
    await good("convert", "-c", "-S", "0", "-O", "qcow2", at("plain.qcow2"), at("packed.qcow2"));
    expect(await clusters(at("packed.qcow2"))).toEqual([count, count]);
  });

  it("over a backing file compresses what differs", async () => {
    await good("create", "-q", "-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", at("upper.qcow2"));
    await good("io", "-c", "write -q -P 9 70000 10", at("upper.qcow2"));
    const backing = ["-B", "plain.qcow2", "-F", "qcow2"];
    await good("convert", "-c", "-O", "qcow2", ...backing, at("upper.qcow2"), at("packed.qcow2"));
    expect(await clusters(at("packed.qcow2"))).toEqual([1, 1]);
    await good("compare", at("upper.qcow2"), at("packed.qcow2"));
  });

  it("with -n takes the place of what was there, up to where the source ends", async () => {
    await good("create", "-q", "-f", "qcow2", at("there.qcow2"), "4M");
    await good("io", "-c", "write -q -P 5 0 4M", at("there.qcow2"));
    await good("convert", "-n", "-c", "-O", "qcow2", at("disk.raw"), at("there.qcow2"));
    const expected = Buffer.alloc(4_194_304, 5);
    disk.copy(expected);
    expect((await shown(at("there.qcow2"))).equals(expected)).toBe(true);
    await good("check", "-q", at("there.qcow2"));
  });

  const encrypted = ["-O", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"];

  it.each([
    [[], "Compression not supported for this file format"],
    [["-O", "luks"], "Compression not supported for this file format"],
    [encrypted, "Compression and encryption not supported at the same time"],
    [["-O", "qcow2", "-o", "data_file=DATA"], "Compression and external data files not supported at the same time"],
    [["-O", "qcow2", "-o", "preallocation=full"], "Compression and preallocation not supported at the same time"],
  ])("is refused with %j, before anything is made or replaced", async (options, message) => {
    const words = options.map((word) => word.replace("DATA", at("none.data")));
    for (const content of [undefined, "there before"]) {
      if (content !== undefined) writeFileSync(at("none"), content);
      const argv = ["convert", "-c", "--object", "secret,id=s,data=abc", ...words, at("plain.qcow2"), at("none")];
      expect(await instar(argv)).toEqual({ code: 1, out: "", err: `instar: convert: ${message}\n` });
      expect(existsSync(at("none")) ? readFileSync(at("none"), "utf8") : undefined).toBe(content);
      expect(existsSync(at("none.data"))).toBe(false);
    }
    rmSync(at("none"));
  });

  it("with -n is refused before anything is written", async () => {
    const described = (file: string): string => `driver=qcow2,file.filename=${at(file)}`;
    const secret = ["--object", "secret,id=s,data=abc"];
    const luks = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    await good("create", "-q", "-f", "qcow2", ...secret, "-o", luks, at("sealed.qcow2"), "4M");
    await good("create", "-q", "-f", "qcow2", "-o", `data_file=${at("its.data")}`, at("split.qcow2"), "4M");
    await good("create", "-q", "-f", "raw", at("flat.raw"), "4M");
    for (const [target, message] of [
      [["-O", "qcow2", at("split.qcow2")], "external data files"],
      [["--target-image-opts", described("split.qcow2")], "external data files"],
      [["--target-image-opts", `${described("sealed.qcow2")},encrypt.key-secret=s`], "encryption"],
      [["--target-image-opts", `driver=raw,file.filename=${at("flat.raw")}`], "for this file format"],
    ] as const) {
      const { code, err } = await instar(["convert", "-n", "-c", ...secret, at("plain.qcow2"), ...target]);
      expect([code, err]).toEqual([1, expect.stringMatching(`Compression .*${message}`)]);
    }
    expect(readFileSync(at("flat.raw")).every((byte) => byte === 0)).toBe(true);
    expect(await clusters(at("split.qcow2"))).toEqual([0, 0]);
  });

  it("with -n goes into an image that is described", async () => {
    await good("create", "-q", "-f", "qcow2", at("there.qcow2"), String(SIZE));
    const target = `driver=qcow2,file.filename=${at("there.qcow2")}`;
    await good("convert", "-n", "-c", at("disk.raw"), "--target-image-opts", target);
    expect((await shown(at("there.qcow2"))).equals(disk)).toBe(true);
    expect((await clusters(at("there.qcow2")))[1]).toBeGreaterThan(0);
  });
});

describe("io write -c", () => {
  it("writes whole clusters", async () => {
    await good("create", "-q", "-f", "qcow2", at("io.qcow2"), "1M");
    await good("io", "-c", "write -q -c -P 3 64k 128k", "-c", "read -q -P 3 64k 128k", at("io.qcow2"));
    expect(await clusters(at("io.qcow2"))).toEqual([2, 2]);
  });

  it.each([
    ["write -c 0 512", /^write failed: /],
    ["write -c 1 512", /^1 is not a sector-aligned value for 'offset'\n/],
    ["write -c 0 1", /^1 is not a sector-aligned value for 'count'\n/],
    ["write -c -f 0 64k", /^-f and -b or -c cannot be specified at the same time\n/],
  ])("refuses %s", async (command, message) => {
    const { code, out } = await instar(["io", "-c", command, at("io.qcow2")]);
    expect([code, out]).toEqual([1, expect.stringMatching(message)]);
    if (!HAS_QEMU) return;
    const theirs = await program("qemu-io", ["-c", command, at("io.qcow2")]);
    expect([theirs.code, theirs.out]).toEqual([1, expect.stringMatching(message)]);
  });

  it("refuses raw images", async () => {
    const { out } = await instar(["io", "-f", "raw", "-c", "write -c 0 64k", at("disk.raw")]);
    expect(out).toContain("write failed: format raw has no compressed clusters");
  });

  it.skipIf(!HAS_QEMU)(`and qemu-io reads them ${NEEDS_QEMU}`, async () => {
    await qemu("qemu-io", "-c", "read -q -P 3 64k 128k", at("io.qcow2"));
  });
});
