import { copyFileSync, readFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const disk = at("disk.qcow2");

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

beforeAll(async () => {
  await good("create", "-q", "-f", "qcow2", at("new.qcow2"), "2M");
  await good("io", "-c", "write -q -P 1 0 1536k", at("new.qcow2"));
});

beforeEach(() => copyFileSync(at("new.qcow2"), disk));

describe("amend", () => {
  it.each(["4M", "1M"])("size=%s makes the disk that large", async (size) => {
    expect(await good("amend", "-o", `size=${size}`, disk)).toBe("");
    const info = JSON.parse(await good("info", "--output=json", disk));
    expect(info["virtual-size"]).toBe(parseInt(size, 10) * 1_048_576);
    await good("check", "-q", disk);
  });

  it.each(["compat=0.10", "refcount_bits=1", "refcount_bits=64", "lazy_refcounts=on", "compat=v2,size=3M"])(
    "%s, and back",
    async (options) => {
      const before = await good("info", disk);
      await good("amend", "-o", options, disk);
      await good("check", "-q", disk);
      await good("io", "-c", "read -q -P 1 0 1536k", disk);
      expect(await good("info", disk)).not.toBe(before);
      await good("amend", "-o", "compat=1.1,refcount_bits=16,lazy_refcounts=off,size=2M", disk);
      await good("check", "-q", disk);
      const steady = (text: string): string => text.replace(/^disk size: .*$/m, "");
      expect(steady(await good("info", disk))).toBe(steady(before));
    },
  );

  it("accepts what is as asked for already, and changes nothing", async () => {
    const before = readFileSync(disk);
    await good("amend", "-q", "-o", "compat=1.1,refcount_bits=16", "-o", "lazy_refcounts=off,size=2M", disk);
    expect(readFileSync(disk).equals(before)).toBe(true);
  });

  it("lists what can be changed, where the format is known", async () => {
    const help = await good("amend", "-o", "help", disk);
    expect(help).toContain("size=<size>");
    expect(await good("amend", "-f", "qcow2", "-o", "help")).toBe(help);
    expect((await instar(["amend", "-o", "help"])).err).toContain("Expecting one image file name");
  });

  it.each([
    [["FILE"], "Must specify options (-o)"],
    [["-o", "foo=1", "FILE"], "-o foo: "],
    [
      ["-o", "cluster_size=4k", "FILE"],
      "Invalid parameter 'cluster_size': This option is only supported for image creation",
    ],
    [["-o", "preallocation=full", "FILE"], "Invalid parameter 'preallocation'"],
    [["-o", "backing_file=x,backing_fmt=raw", "FILE"], "Cannot amend the backing file"],
    [["-o", "compat=v1", "FILE"], "compat 'v1': must be one of"],
    [["-o", "compat=0.10,refcount_bits=8", "FILE"], "refcount_bits is 8, must be 16 in version 2"],
    [["-t", "bogus", "-o", "size=4M", "FILE"], "-t 'bogus'"],
    [["-f", "raw", "-o", "size=4M", "FILE"], "Format driver 'raw' does not support option amendment"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    const before = readFileSync(disk);
    const words = argv.map((word) => (word === "FILE" ? disk : word));
    const { code, err } = await instar(["amend", ...words]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(readFileSync(disk).equals(before)).toBe(true);
    if (HAS_QEMU) expect((await program("qemu-img", ["amend", ...words])).code).toBe(1);
  });

  it.skipIf(!HAS_QEMU)(`leaves what qemu-img leaves ${NEEDS_QEMU}`, async () => {
    copyFileSync(disk, at("theirs.qcow2"));
    for (const options of ["size=5M", "compat=0.10", "size=1M", "compat=1.1", "refcount_bits=8", "lazy_refcounts=on"]) {
      await good("amend", "-o", options, disk);
      await qemu("qemu-img", "amend", "-o", options, at("theirs.qcow2"));
      await qemu("qemu-img", "check", disk);
      expect(await qemu("qemu-img", "compare", disk, at("theirs.qcow2"))).toBe("Images are identical.\n");
      const info = async (file: string): Promise<unknown> => JSON.parse(await good("info", "--output=json", file));
      expect(await info(disk)).toMatchObject({
        ...Object(await info(at("theirs.qcow2"))),
        filename: disk,
        "actual-size": expect.any(Number),
      });
    }
  });
});
