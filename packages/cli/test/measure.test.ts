import { truncateSync, statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

beforeAll(async () => {
  writeDisk(at("a.raw"), 327_680, 7);
  truncateSync(at("a.raw"), 10_000_000);
  await instar(["convert", "-q", "-f", "raw", "-O", "qcow2", at("a.raw"), at("a.qcow2")]);
  const io = ["-c", "write -q 5M 64k", "-c", "write -q -z 0 64k", "-c", "write -q 7M 192k"];
  await instar(["create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", at("over.qcow2"), "20M"]);
  await instar(["io", ...io, at("over.qcow2")]);
});

describe("measure", () => {
  it("tells what a new image needs", async () => {
    expect(await instar(["measure", "-O", "qcow2", "--size", "1G"])).toEqual({
      code: 0,
      out: "required size: 393216\nfully allocated size: 1074135040\n",
      err: "",
    });
    const { out } = await instar(["measure", "--output=json", "--size", "1000"]);
    expect(out).toBe('{\n    "required": 1024,\n    "fully-allocated": 1024\n}\n');
  });

  it("tells no less than a conversion takes", async () => {
    for (const [source, cluster] of [
      ["a.raw", "512"],
      ["a.raw", "64k"],
      ["over.qcow2", "4k"],
      ["over.qcow2", "2M"],
    ] as const) {
      const options = ["-O", "qcow2", "-o", `cluster_size=${cluster}`];
      const { required } = JSON.parse((await instar(["measure", "--output=json", ...options, at(source)])).out);
      await instar(["convert", ...options, at(source), at("made")]);
      expect(statSync(at("made")).size).toBeLessThanOrEqual(required);
    }
  });

  it.each([
    [[], "Either --size N or one filename must be specified."],
    [["--size", "1G", "x"], "--size N cannot be used together with a filename."],
    [["a", "b"], "At most one filename argument is allowed."],
    [["-f", "raw", "--size", "1G"], "-f and -l require a filename argument."],
    [["-O", "qcow2", "-o", "cluster_size=512", "--size", "1T"], "The image size is too large"],
    [["-O", "qcow2", "-o", "cluster_size=100", "--size", "1M"], "cluster_size is 100, must be a power of two"],
    [["-O", "qcow2", "-o", "refcount_bits=3", "--size", "1M"], "refcount_bits is 3, must be a power of two"],
    [["-O", "bogus", "--size", "1M"], "unknown file format 'bogus'"],
    [["--size", "abc"], "invalid size 'abc'"],
    [["nowhere"], "could not open 'nowhere'"],
  ])("refuses %j", async (argv, message) => {
    const { code, out, err } = await instar(["measure", ...argv]);
    expect([code, out, err]).toEqual([1, "", expect.stringContaining(message)]);
  });
});

describe.skipIf(!HAS_QEMU)(`measure prints what qemu-img prints ${NEEDS_QEMU}`, () => {
  const sizes = ["0", "512", "1000", "1M", "1G", "1000001k", "8T"];
  const options = [
    [],
    ["-o", "cluster_size=4k,refcount_bits=64"],
    ["-o", "cluster_size=2M,refcount_bits=1"],
    ["-o", "extended_l2=on,preallocation=metadata"],
    ["-o", "preallocation=falloc"],
  ];
  const cases = [
    ...sizes.flatMap((size) => options.map((option) => ["-O", "qcow2", ...option, "--size", size])),
    ...sizes.map((size) => ["-O", "raw", "--size", size]),
    ...["a.raw", "a.qcow2", "over.qcow2"].flatMap((file) => [
      ["-O", "raw", file],
      ...options.map((option) => ["-O", "qcow2", ...option, file]),
      ["-O", "qcow2", "-o", "compat=0.10", file],
      ["-O", "qcow2", "-o", "cluster_size=512", file],
      ["-O", "qcow2", "-o", "backing_file=a.qcow2,backing_fmt=qcow2", file],
    ]),
  ];

  it.each(cases.map((argv) => [argv] as const))("%j", async (given) => {
    const argv = given.map((word) => (/^(a|over)\.(raw|qcow2)$/.test(word) ? at(word) : word));
    const ours = await instar(["measure", ...argv]);
    const theirs = await program("qemu-img", ["measure", ...argv]);
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
  });

  it("as JSON", async () => {
    for (const file of ["a.raw", "over.qcow2"]) {
      const argv = ["measure", "--output=json", "-O", "qcow2", at(file)];
      expect((await instar(argv)).out).toBe(await qemu("qemu-img", ...argv));
    }
  });
});
