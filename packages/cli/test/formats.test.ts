import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { makeDisk, SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
/** A size that VHD can tell exactly: whole cylinders of the geometry that QEMU gives it. */
const SIZE = 20 * 17 * 4 * 512 * 10;

const IMAGES: readonly (readonly [file: string, format: string, options: string])[] = [
  ["sparse.vmdk", "vmdk", "subformat=monolithicSparse"],
  ["stream.vmdk", "vmdk", "subformat=streamOptimized"],
  ["split.vmdk", "vmdk", "subformat=twoGbMaxExtentSparse"],
  ["flat.vmdk", "vmdk", "subformat=monolithicFlat"],
  ["dynamic.vdi", "vdi", "static=off"],
  ["dynamic.vhd", "vpc", "subformat=dynamic"],
  ["dynamic.vhdx", "vhdx", "subformat=dynamic"],
  ["fixed.vhdx", "vhdx", "subformat=fixed"],
];

async function make(file: string, format: string, options: string): Promise<void> {
  await qemu("qemu-img", "convert", "-f", "raw", "-O", format, "-o", options, at("disk.raw"), at(file));
}

describe.skipIf(!HAS_QEMU)(`images of other formats ${NEEDS_QEMU}, seed ${SEED}`, () => {
  beforeAll(async () => {
    writeDisk(at("disk.raw"), SIZE, SEED);
    for (const image of IMAGES) await make(...image);
    await make("fixed.vhd", "vpc", "subformat=fixed,force_size=on");
  });

  describe.each(IMAGES)("%s", (file, format) => {
    it("is told by its content, and described as by qemu-img", async () => {
      const json = ["info", "--output=json", at(file)];
      const ours: unknown = JSON.parse((await instar(json)).out);
      expect(ours).toEqual(JSON.parse(await qemu("qemu-img", ...json)));
      expect((await instar(["info", at(file)])).out).toBe(await qemu("qemu-img", "info", at(file)));
    });

    it("holds what was put in", async () => {
      expect((await instar(["compare", "-f", format, "-F", "raw", at(file), at("disk.raw")])).out).toBe(
        "Images are identical.\n",
      );
      expect(await instar(["convert", "-O", "raw", at(file), at("back.raw")])).toMatchObject({ code: 0, err: "" });
      expect(readFileSync(at("back.raw")).equals(readFileSync(at("disk.raw")))).toBe(true);
    });

    it("can be mapped: what is said to lie in a file does", async () => {
      const { out } = await instar(["map", "--output=json", at(file)]);
      const runs = JSON.parse(out) as { start: number; length: number; offset?: number; zero: boolean }[];
      const disk = readFileSync(at("disk.raw"));
      expect(runs.reduce((end, { start, length }) => (start === end ? start + length : NaN), 0)).toBe(SIZE);
      const files = (await instar(["map", at(file)])).out.split("\n").slice(1, -1);
      for (const { start, length, zero } of runs) {
        if (zero) expect(disk.subarray(start, start + length).equals(Buffer.alloc(length))).toBe(true);
      }
      if (format === "vmdk" && file === "stream.vmdk") return;
      expect(files.length).toBeGreaterThan(0);
      for (const line of files) {
        const [offset = 0, length = 0, host = 0] = line.split(/ +/).map(Number);
        const path = line.slice(48);
        const stored = readFileSync(path).subarray(host, host + length);
        expect(stored.equals(disk.subarray(offset, offset + length))).toBe(true);
      }
    });

    it("can be measured, and copied in part", async () => {
      const ours = await instar(["measure", "-O", "qcow2", "--output=json", at(file)]);
      expect(JSON.parse(ours.out)).toMatchObject({ "fully-allocated": expect.any(Number) });
      await instar(["dd", "-O", "raw", "bs=64k", "count=4", "skip=1", `if=${at(file)}`, `of=${at("part.raw")}`]);
      expect(readFileSync(at("part.raw")).equals(readFileSync(at("disk.raw")).subarray(65_536, 4 * 65_536))).toBe(true);
    });

    it("can be the backing file of a qcow2 image", async () => {
      const top = at(`over-${file}.qcow2`);
      const made = await instar(["create", "-q", "-f", "qcow2", "-b", file, "-F", format, top]);
      expect(made).toMatchObject({ code: 0, err: "" });
      expect((await instar(["compare", top, at("disk.raw")])).out).toBe("Images are identical.\n");
      expect(await qemu("qemu-img", "compare", top, at(file))).toBe("Images are identical.\n");
      const chain = ["info", "--backing-chain", "--output=json", top];
      const ours: unknown = JSON.parse((await instar(chain)).out);
      expect(ours).toEqual(JSON.parse(await qemu("qemu-img", ...chain)));
    });

    it("can only be read", async () => {
      const { code, err } = await instar(["io", "-c", "write 0 512", at(file)]);
      expect(code).toBe(1);
      expect(err).toBe(`instar: io: could not open '${at(file)}': images of the format ${format} can only be read\n`);
    });
  });

  it("a fixed VHD is a raw disk with a footer: it is not guessed", async () => {
    expect((await instar(["info", at("fixed.vhd")])).out).toContain("file format: raw");
    for (const name of ["vpc", "vhd"]) {
      const { out } = await instar(["compare", "-f", name, at("fixed.vhd"), at("disk.raw")]);
      expect(out).toBe("Images are identical.\n");
    }
  });

  it("an image over another VMDK is read through the gate", async () => {
    mkdirSync(at("own"));
    copyFileSync(at("sparse.vmdk"), at("own/base.vmdk"));
    await qemu("qemu-img", "create", "-q", "-f", "vmdk", "-b", at("own/base.vmdk"), "-F", "vmdk", at("own/top.vmdk"));
    expect((await instar(["compare", at("own/top.vmdk"), at("disk.raw")])).out).toBe("Images are identical.\n");
    expect(await instar(["info", at("own/top.vmdk")])).toMatchObject({
      out: await qemu("qemu-img", "info", at("own/top.vmdk")),
    });
    mkdirSync(at("away"));
    renameSync(at("own/top.vmdk"), at("away/top.vmdk"));
    const refused = await instar(["map", at("away/top.vmdk")]);
    expect(refused.err).toContain(`lies outside of '${at("away")}': --allow-path '${at("own")}' would allow it`);
    expect((await instar(["map", "--allow-path", at("own"), at("away/top.vmdk")])).code).toBe(0);
  });

  it("an extent is opened through the gate, and is not what a conversion may replace", async () => {
    const moved = readFileSync(at("flat.vmdk"), "latin1").replace("flat-flat.vmdk", "../flat-flat.vmdk");
    mkdirSync(at("moved"));
    writeFileSync(at("moved/flat.vmdk"), moved);
    const refused = await instar(["info", at("moved/flat.vmdk")]);
    expect(refused.err).toContain("its extent '../flat-flat.vmdk'");
    expect(refused.err).toContain("--allow-path");
    const before = readFileSync(at("flat-flat.vmdk"));
    const { code, err } = await instar(["convert", "-O", "qcow2", at("flat.vmdk"), at("flat-flat.vmdk")]);
    expect([code, err]).toEqual([1, expect.stringContaining("is in use as a source (as ")]);
    expect(readFileSync(at("flat-flat.vmdk")).equals(before)).toBe(true);
  });
});

describe("probing", () => {
  it.each([
    ["qed", "QED\0"],
    ["parallels", "WithoutFreeSpace"],
  ])("refuses %s, which QEMU would not take for raw, unless it is named", async (format, signature) => {
    const disk = makeDisk(65_536, SEED);
    disk.write(signature, 0, "latin1");
    writeFileSync(at(format), disk);
    const { code, err } = await instar(["convert", at(format), at("copy")]);
    expect([code, err]).toEqual([1, expect.stringContaining(`it begins as a ${format} image, which is not supported`)]);
    expect((await instar(["convert", "-f", "raw", at(format), at("copy")])).code).toBe(0);
    expect(readFileSync(at("copy")).equals(disk)).toBe(true);
  });

  it.each([
    ["qcow2", 0, "QFI\xfb\0\0\0\x03"],
    ["vmdk", 0, "KDMV"],
    ["vmdk", 0, "# Disk DescriptorFile\nversion=1\n"],
    ["vdi", 64, "\x7f\x10\xda\xbe"],
    ["vpc", 0, "conectix"],
    ["vhdx", 0, "vhdxfile"],
    ["luks", 0, "LUKS\xba\xbe"],
    ["unsupported", 0, "QED\0"],
  ])("a guest cannot make a raw disk look like %s where the format is not named", async (format, offset, signature) => {
    const bytes = Buffer.alloc(65_536);
    bytes.write(signature, offset, "latin1");
    writeFileSync(at("pattern"), bytes);
    writeFileSync(at("guest.raw"), Buffer.alloc(65_536));
    const write = `write -q -s ${at("pattern")} 0 64k`;
    const { code, out } = await instar(["io", "-c", write, at("guest.raw")]);
    expect(code).toBe(1);
    expect(out).toContain(`would look like an image of another format (${format}): name the format (-f raw)`);
    expect((await instar(["io", "-f", "raw", "-c", write, at("guest.raw")])).code).toBe(0);
  });

  it("does not take what begins with a comment for a VMDK", async () => {
    writeFileSync(at("script"), "#!/bin/sh\nversion=1x\n".padEnd(1024));
    expect((await instar(["info", at("script")])).out).toContain("file format: raw");
  });
});
