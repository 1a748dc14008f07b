import { truncateSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const HAS_KOFFI = await import("koffi").then(
  () => process.platform === "linux" && process.arch.endsWith("64"),
  () => false,
);

async function map(...argv: string[]): Promise<unknown> {
  return JSON.parse((await instar(["map", "--output=json", ...argv])).out);
}

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("base.qcow2"), "4M"]);
  await instar(["io", "-c", "write -q -P 1 0 192k", at("base.qcow2")]);
  await instar(["create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("top.qcow2"), "4M"]);
  await instar(["io", "-c", "write -q -P 2 64k 64k", "-c", "write -q -z 1M 64k", at("top.qcow2")]);
  writeFileSync(at("full.raw"), "x".repeat(65_536));
});

const TOP = [
  { start: 0, length: 65_536, depth: 1, present: true, zero: false, data: true, offset: 327_680 },
  { start: 65_536, length: 65_536, depth: 0, present: true, zero: false, data: true, offset: 327_680 },
  { start: 131_072, length: 65_536, depth: 1, present: true, zero: false, data: true, offset: 458_752 },
  { start: 196_608, length: 851_968, depth: 1, present: false, zero: true, data: false },
  { start: 1_048_576, length: 65_536, depth: 0, present: true, zero: true, data: false },
  { start: 1_114_112, length: 3_080_192, depth: 1, present: false, zero: true, data: false },
];

describe("map", () => {
  it("shows programs where everything is", async () => {
    expect(await map(at("top.qcow2"))).toEqual(TOP);
  });

  it("shows people where the data is", async () => {
    const { code, out } = await instar(["map", at("top.qcow2")]);
    expect(code).toBe(0);
    expect(out).toBe(
      `Offset          Length          Mapped to       File
0               0x10000         0x50000         ${at("base.qcow2")}
0x10000         0x10000         0x50000         ${at("top.qcow2")}
0x20000         0x10000         0x70000         ${at("base.qcow2")}
`,
    );
  });

  it("shows a part", async () => {
    expect(await map("-s", "64k", "-l", "64k", at("top.qcow2"))).toEqual([TOP[1]]);
    expect(await map("--start-offset=96k", "--max-length=4k", at("top.qcow2"))).toEqual([
      { ...TOP[1], start: 98_304, length: 4096, offset: 360_448 },
    ]);
    expect(await map("-s", "100M", at("top.qcow2"))).toEqual([
      { start: 104_857_600, length: 0, depth: 0, present: false, zero: false, data: false },
    ]);
  });

  it.skipIf(!HAS_KOFFI)("shows the holes of a raw image (needs npm package koffi, and 64-bit Linux)", async () => {
    writeFileSync(at("sparse.raw"), "x".repeat(65_536));
    truncateSync(at("sparse.raw"), 1_048_576);
    const data = { start: 0, length: 65_536, depth: 0, present: true, zero: false, data: true, offset: 0 };
    const hole = { ...data, start: 65_536, length: 983_040, zero: true, data: false, offset: 65_536 };
    expect(await map(at("sparse.raw"))).toEqual([data, hole]);
  });

  it("shows a raw image", async () => {
    expect(await map(at("full.raw"))).toEqual([
      { start: 0, length: 65_536, depth: 0, present: true, zero: false, data: true, offset: 0 },
    ]);
  });

  it("refuses what makes no sense", async () => {
    for (const argv of [["map"], ["map", "-s", "x", "a"], ["map", "--output=xml", "a"], ["map", "a", "b"]]) {
      expect((await instar(argv)).code).toBe(1);
    }
  });
});

describe.skipIf(!HAS_QEMU)(`map says what qemu-img says ${NEEDS_QEMU}`, () => {
  beforeAll(async () => {
    const over = ["-b", "top.qcow2", "-F", "qcow2"];
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", ...over, at("third.qcow2"), "6M");
    for (const write of ["write -P 3 2M 4k", "write -z 64k 8k", "write -c 3M 4k", "write -P 4 5M 1M"]) {
      await qemu("qemu-io", "-c", write, at("third.qcow2"));
    }
  });

  it.each([
    [["base.qcow2"]],
    [["top.qcow2"]],
    [["third.qcow2"]],
    [["full.raw"]],
    [["third.qcow2", "-s", "65k", "-l", "2M"]],
  ])("for programs: %j", async ([file = "", ...options]) => {
    const argv = ["map", "--output=json", ...options, at(file)];
    expect(await map(...options, at(file))).toEqual(JSON.parse(await qemu("qemu-img", ...argv)));
  });

  it.each(["base.qcow2", "top.qcow2", "full.raw"])("for people: %s", async (file) => {
    expect((await instar(["map", at(file)])).out).toBe(await qemu("qemu-img", "map", at(file)));
  });

  it("also where people cannot be shown compressed clusters", async () => {
    const theirs = await program("qemu-img", ["map", at("third.qcow2")]);
    const ours = await instar(["map", at("third.qcow2")]);
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
  });
});
