import { existsSync, readFileSync, statSync, copyFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

async function virtualSize(file: string): Promise<number> {
  return JSON.parse((await instar(["info", "--output=json", file])).out)["virtual-size"];
}

beforeEach(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("a.qcow2"), "10M"]);
  await instar(["io", "-c", "write -q -P 1 0 10M", at("a.qcow2")]);
});

describe("resize", () => {
  it("makes an image larger, to a size or by an amount", async () => {
    expect(await instar(["resize", at("a.qcow2"), "20M"])).toEqual({ code: 0, out: "Image resized.\n", err: "" });
    expect(await virtualSize(at("a.qcow2"))).toBe(20 * 2 ** 20);
    expect(await instar(["resize", "-q", at("a.qcow2"), "+1M"])).toEqual({ code: 0, out: "", err: "" });
    expect(await virtualSize(at("a.qcow2"))).toBe(21 * 2 ** 20);
    const commands = ["-c", "read -q -P 1 0 10M", "-c", "read -q -P 0 10M 11M"];
    expect((await instar(["io", ...commands, at("a.qcow2")])).code).toBe(0);
    expect((await instar(["check", at("a.qcow2")])).code).toBe(0);
  });

  it("sets aside what is added", async () => {
    for (const mode of ["metadata", "full"]) {
      expect((await instar(["resize", "-q", `--preallocation=${mode}`, at("a.qcow2"), "+2M"])).code).toBe(0);
    }
    expect((await instar(["check", at("a.qcow2")])).out).toContain("224/224 = 100.00% allocated");
  });

  it("sets aside what is added to a raw image, which has no metadata", async () => {
    await instar(["create", "-q", "-f", "raw", "-o", "preallocation=falloc", at("full.raw"), "1M"]);
    expect((await instar(["resize", "-q", "--preallocation=full", "-f", "raw", at("full.raw"), "+1M"])).code).toBe(0);
    expect(statSync(at("full.raw")).blocks * 512).toBeGreaterThanOrEqual(2_097_152);
    expect(readFileSync(at("full.raw")).every((byte) => byte === 0)).toBe(true);
    for (const argv of [
      ["create", "-f", "raw", "-o", "preallocation=metadata", at("meta.raw"), "1M"],
      ["resize", "--preallocation=metadata", "-f", "raw", at("full.raw"), "+1M"],
    ]) {
      expect((await instar(argv)).err).toContain("Unsupported preallocation mode: metadata");
    }
    expect(existsSync(at("meta.raw"))).toBe(false);
  });

  it("makes it smaller with --shrink only", async () => {
    const before = readFileSync(at("a.qcow2"));
    const { code, out, err } = await instar(["resize", at("a.qcow2"), "5M"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^instar: warning: Shrinking [^\n]*\ninstar: resize: Use the --shrink option [^\n]*\n$/);
    expect(readFileSync(at("a.qcow2")).equals(before)).toBe(true);
    expect((await instar(["resize", "--shrink", at("a.qcow2"), "-5M"])).out).toBe("Image resized.\n");
    expect(await virtualSize(at("a.qcow2"))).toBe(5 * 2 ** 20);
    await instar(["resize", at("a.qcow2"), "10M"]);
    const commands = ["-c", "read -q -P 1 0 5M", "-c", "read -q -P 0 5M 5M"];
    expect((await instar(["io", ...commands, at("a.qcow2")])).code).toBe(0);
    expect((await instar(["check", at("a.qcow2")])).code).toBe(0);
  });

  it("shows nothing of what a longer backing file holds there", async () => {
    await instar(["create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", at("over.qcow2"), "1M"]);
    await instar(["resize", "-q", at("over.qcow2"), "2M"]);
    const commands = ["-c", "read -q -P 1 0 1M", "-c", "read -q -P 0 1M 1M"];
    expect((await instar(["io", ...commands, at("over.qcow2")])).code).toBe(0);
  });

  it("sets the size of a raw file to the byte, and warns where its format is not named", async () => {
    writeDisk(at("a.raw"), 10_000, 3);
    expect((await instar(["resize", "-f", "raw", at("a.raw"), "12000"])).code).toBe(0);
    expect(statSync(at("a.raw")).size).toBe(12_000);
    expect((await instar(["resize", "--shrink", at("a.raw"), "1000"])).err).toContain("taken for raw");
    expect(statSync(at("a.raw")).size).toBe(1000);
  });

  it.each([
    [["FILE"], "expecting an image file name and a size"],
    [["FILE", "abc"], "invalid size 'abc'"],
    [["FILE", "1M", "2M"], "expecting an image file name and a size"],
    [["FILE", "0"], "New image size must be positive"],
    [["FILE", "-100M"], "New image size must be positive"],
    [["FILE", "+1000"], "The new size must be a multiple of 512"],
    [["FILE", "8E"], "is too large"],
    [["--preallocation=full", "--shrink", "FILE", "5M"], "Preallocation can only be used for growing images"],
    [["--preallocation=bogus", "FILE", "+1M"], "must be one of off"],
    [["-5M"], "expecting an image file name and a size"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    const before = readFileSync(at("a.qcow2"));
    const { code, out, err } = await instar([
      "resize",
      ...argv.map((word) => (word === "FILE" ? at("a.qcow2") : word)),
    ]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(message);
    expect(readFileSync(at("a.qcow2")).equals(before)).toBe(true);
  });
});

describe.skipIf(!HAS_QEMU)(`resize does what qemu-img does ${NEEDS_QEMU}`, () => {
  it("step by step, and the images stay the same", async () => {
    copyFileSync(at("a.qcow2"), at("theirs.qcow2"));
    const steps = [["20M"], ["5M"], ["--shrink", "5M"], ["+1000"], ["+0"], ["-q", "+3M"], ["--shrink", "-1M"], ["x"]];
    for (const step of steps) {
      const argv = (file: string): string[] => ["resize", ...step.slice(0, -1), at(file), step.at(-1) ?? ""];
      const ours = await instar(argv("a.qcow2"));
      const theirs = await program("qemu-img", argv("theirs.qcow2"));
      expect([step, ours.code, ours.out]).toEqual([step, theirs.code, theirs.out]);
      await qemu("qemu-img", "compare", "-s", at("a.qcow2"), at("theirs.qcow2"));
      await qemu("qemu-img", "check", at("a.qcow2"));
    }
    const ours = (await instar(["resize", at("a.qcow2"), "1M"])).err.replaceAll(/^instar: (resize: )?/gm, "qemu-img: ");
    const theirs = (await program("qemu-img", ["resize", at("theirs.qcow2"), "1M"])).err;
    expect(ours.split("\n").toSorted()).toEqual(theirs.split("\n").toSorted());
  });

  it("with an image that has a snapshot", async () => {
    await qemu("qemu-img", "snapshot", "-c", "one", at("a.qcow2"));
    expect((await instar(["resize", at("a.qcow2"), "30M"])).code).toBe(0);
    expect((await instar(["resize", "--shrink", at("a.qcow2"), "4M"])).code).toBe(0);
    await qemu("qemu-img", "check", at("a.qcow2"));
    await qemu("qemu-img", "snapshot", "-a", "one", at("a.qcow2"));
    await qemu("qemu-io", "-c", "read -P 1 0 10M", at("a.qcow2"));
  });

  it("and refuses one of version 2 that has", async () => {
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=v2", at("old.qcow2"), "10M");
    await qemu("qemu-img", "snapshot", "-c", "one", at("old.qcow2"));
    expect((await program("qemu-img", ["resize", at("old.qcow2"), "20M"])).code).toBe(1);
    const { code, err } = await instar(["resize", at("old.qcow2"), "20M"]);
    expect([code, err]).toEqual([1, expect.stringContaining("version 2 that has snapshots cannot be resized")]);
  });
});
