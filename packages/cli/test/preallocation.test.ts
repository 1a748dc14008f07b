import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const HAS_KOFFI = await import("koffi").then(
  () => process.platform === "linux" && process.arch.endsWith("64"),
  () => false,
);
const at = scratch();
const MiB = 2 ** 20;

/** How much of a file the file system has stored, and how much of that is more than space set aside. */
async function stored(file: string): Promise<{ bytes: number; written: number }> {
  const map: { length: number; data: boolean }[] = JSON.parse(
    (await instar(["map", "-f", "raw", "--output=json", file])).out,
  );
  const written = map.filter(({ data }) => data).reduce((sum, { length }) => sum + length, 0);
  return { bytes: statSync(file).blocks * 512, written };
}

/** Runs a command line that is to succeed. */
async function done(...argv: string[]): Promise<void> {
  expect(await instar(argv)).toMatchObject({ code: 0, err: "" });
}

describe.skipIf(!HAS_KOFFI)(
  "preallocation=falloc has the file system set space aside (needs npm package koffi, and 64-bit Linux)",
  () => {
    it.each([
      ["raw", "f.raw", "f.raw", ""],
      ["qcow2", "f.qcow2", "f.qcow2", ""],
      ["qcow2", "g.qcow2", "g.data", `,data_file=${at("g.data")}`],
      ["qcow2", "h.qcow2", "h.data", `,data_file=${at("h.data")},data_file_raw=on`],
    ])("%s %s: when it is made, and when it grows", async (format, image, holder, more) => {
      await done("create", "-q", "-f", format, "-o", `preallocation=falloc${more}`, at(image), "20M");
      const made = await stored(at(holder));
      expect(made.bytes).toBeGreaterThanOrEqual(20 * MiB);
      expect(made.written).toBeLessThan(MiB);
      await done("resize", "-q", "-f", format, "--preallocation=falloc", at(image), "30M");
      const grown = await stored(at(holder));
      expect(grown.bytes).toBeGreaterThanOrEqual(30 * MiB);
      expect(grown.written).toBeLessThan(MiB);
      await done("io", "-f", format, "-c", "read -q -P 0 0 30M", "-c", "write -q -P 5 19M 2M", at(image));
      await done("io", "-f", format, "-c", "read -q -P 5 19M 2M", "-c", "read -q -P 0 21M 9M", at(image));
    });
  },
);

describe.skipIf(!HAS_QEMU)(`preallocation with a data file ${NEEDS_QEMU}`, () => {
  it.each(["metadata", "falloc", "full"])("%s: QEMU sees the same", async (mode) => {
    const facts: unknown[] = [];
    for (const maker of ["instar", "qemu-img"]) {
      const [image, data] = [at(`${mode}-${maker}.qcow2`), at(`${mode}-${maker}.data`)];
      const create = ["create", "-q", "-f", "qcow2", "-o", `preallocation=${mode},data_file=${data}`, image, "5M"];
      const resize = ["resize", "-q", `--preallocation=${mode}`, image, "8M"];
      for (const argv of [create, resize]) {
        if (maker === "instar") await done(...argv);
        else await qemu("qemu-img", ...argv);
      }
      const { filename, ...checked } = JSON.parse(await qemu("qemu-img", "check", "--output=json", image));
      const { size, blocks } = statSync(data);
      facts.push({ checked, size, isStored: blocks * 512 >= 8 * MiB, named: filename === image });
    }
    expect(facts[0]).toEqual(facts[1]);
  });
});
