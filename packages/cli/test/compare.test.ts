import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, scratch } from "./harness.js";

const at = scratch();
const SIZE = 3_145_728;

async function make(name: string, ...commands: string[]): Promise<void> {
  copyFileSync(at("disk.qcow2"), at(name));
  await instar(["io", ...commands.flatMap((command) => ["-c", command]), at(name)]);
}

beforeAll(async () => {
  const disk = writeDisk(at("disk.raw"), SIZE, SEED);
  writeFileSync(at("longer.raw"), Buffer.concat([disk, Buffer.alloc(1_048_576)]));
  writeFileSync(at("longer-data.raw"), Buffer.concat([disk, Buffer.alloc(524_288), Buffer.from("x".repeat(524_288))]));
  await instar(["convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2")]);
  await make("byte.qcow2", "write -q -P 0x55 2000000 1", "write -q -P 0x55 2500000 1");
  await instar(["create", "-q", at("below.raw"), "1M"]);
  for (const name of ["none", "zeroes"]) {
    await instar(["create", "-q", "-f", "qcow2", "-b", "below.raw", "-F", "raw", at(`${name}.qcow2`)]);
  }
  await instar(["io", "-c", "write -q -z 64k 64k", at("zeroes.qcow2")]);
});

describe(`compare (INSTAR_SEED=${SEED})`, () => {
  it("of equal images exits with 0, whatever their formats", async () => {
    const same = { code: 0, out: "Images are identical.\n", err: "" };
    expect(await instar(["compare", at("disk.raw"), at("disk.qcow2")])).toEqual(same);
    expect(await instar(["compare", "-f", "raw", "-F", "qcow2", at("disk.raw"), at("disk.qcow2")])).toEqual(same);
    expect(await instar(["compare", at("disk.raw"), at("disk.raw")])).toEqual(same);
    expect((await instar(["compare", "-q", at("disk.raw"), at("disk.qcow2")])).out).toBe("");
  });

  it("names the sector of the first difference, and exits with 1", async () => {
    const differs = { code: 1, out: "Content mismatch at offset 1999872!\n", err: "" };
    expect(await instar(["compare", at("disk.qcow2"), at("byte.qcow2")])).toEqual(differs);
    expect(await instar(["compare", at("byte.qcow2"), at("disk.raw")])).toEqual(differs);
    expect(await instar(["compare", "-q", at("byte.qcow2"), at("disk.raw")])).toEqual({ ...differs, out: "" });
  });

  it("takes the shorter image for continued with zeroes", async () => {
    for (const files of [
      ["disk.qcow2", "longer.raw"],
      ["longer.raw", "disk.qcow2"],
    ]) {
      expect(await instar(["compare", ...files.map((file) => at(file))])).toEqual({
        code: 0,
        out: "Warning: Image size mismatch!\nImages are identical.\n",
        err: "",
      });
    }
    const { code, out } = await instar(["compare", at("disk.raw"), at("longer-data.raw")]);
    expect([code, out]).toEqual([1, `Warning: Image size mismatch!\nContent mismatch at offset ${SIZE + 524_288}!\n`]);
  });

  it("wants equal sizes with -s", async () => {
    const { code, out } = await instar(["compare", "-s", at("disk.raw"), at("longer.raw")]);
    expect([code, out]).toEqual([1, "Strict mode: Image size mismatch!\n"]);
  });

  it("wants equal allocation with -s", async () => {
    await make("holes.qcow2");
    await make("filled.qcow2");
    for (const name of ["holes", "filled"]) {
      await instar(["io", "-c", "discard -q 1M 1M", at(`${name}.qcow2`)]);
    }
    await instar(["io", "-c", "write -q -P 0 1088k 64k", at("filled.qcow2")]);
    expect((await instar(["compare", at("holes.qcow2"), at("filled.qcow2")])).code).toBe(0);
    const { code, out } = await instar(["compare", "-s", at("holes.qcow2"), at("filled.qcow2")]);
    expect([code, out]).toEqual([1, "Strict mode: Offset 1114112 block status mismatch!\n"]);
    expect((await instar(["compare", "-s", at("disk.qcow2"), at("disk.qcow2")])).code).toBe(0);
  });

  it("exits with 2 where an image cannot be opened", async () => {
    expect((await instar(["compare", at("disk.raw"), at("missing")])).code).toBe(2);
    expect((await instar(["compare", at("missing"), at("disk.raw")])).code).toBe(2);
    expect((await instar(["compare", "-f", "qcow2", at("disk.raw"), at("disk.raw")])).code).toBe(2);
    expect((await instar(["compare", at("disk.raw")])).code).toBe(1);
  });

  it("exits with more than 1 where data cannot be read", async () => {
    const image = readFileSync(at("disk.qcow2"));
    const l2 = Number(image.readBigUInt64BE(Number(image.readBigUInt64BE(40))) & 0x00ff_ffff_ffff_fe00n);
    for (let entry = 0; entry < 48; entry++) image.writeBigUInt64BE(0x8000_0100_0000_0000n, l2 + 8 * entry);
    writeFileSync(at("wild.qcow2"), image);
    const { code, err } = await instar(["compare", at("disk.raw"), at("wild.qcow2")]);
    expect([3, 4]).toContain(code);
    expect(err.split("\n")).toHaveLength(2);
  });

  it("shows how far it has come with -p", async () => {
    const { out } = await instar(["compare", "-p", at("disk.raw"), at("disk.qcow2")]);
    expect(out).toMatch(/^ {4}\(0\.00\/100%\)\r.*\(100\.00\/100%\)\r\nImages are identical\.\n$/s);
  });
});

describe.skipIf(!HAS_QEMU)(`compare says what qemu-img says ${NEEDS_QEMU} (INSTAR_SEED=${SEED})`, () => {
  it.each([
    ["disk.raw", "disk.qcow2"],
    ["disk.qcow2", "byte.qcow2"],
    ["byte.qcow2", "disk.raw"],
    ["disk.raw", "longer.raw"],
    ["longer-data.raw", "disk.qcow2"],
    ["none.qcow2", "zeroes.qcow2"],
    ["disk.raw", "none.qcow2"],
  ])("of %s and %s", async (a, b) => {
    const ours = await instar(["compare", at(a), at(b)]);
    const theirs = await program("qemu-img", ["compare", at(a), at(b)]);
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
  });
});
