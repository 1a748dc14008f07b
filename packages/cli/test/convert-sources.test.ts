import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
const MIB = 1_048_576;
let disk: Buffer;

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

beforeAll(async () => {
  disk = writeDisk(at("disk.raw"), 3 * MIB, SEED);
  await good("convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2"));
  writeFileSync(at("odd.raw"), Buffer.alloc(1000, 7));
});

describe(`convert with several sources (INSTAR_SEED=${SEED})`, () => {
  it("copies one behind the other, each up to a whole sector", async () => {
    await good("convert", at("odd.raw"), at("disk.qcow2"), at("odd.raw"), at("all.raw"));
    const odd = Buffer.concat([Buffer.alloc(1000, 7), Buffer.alloc(24)]);
    expect(readFileSync(at("all.raw")).equals(Buffer.concat([odd, disk, odd]))).toBe(true);
  });

  it("refuses to write over any of them", async () => {
    const { code, err } = await instar(["convert", at("disk.qcow2"), at("odd.raw"), at("odd.raw")]);
    expect([code, err]).toEqual([1, expect.stringContaining("is in use as a source")]);
    expect(readFileSync(at("odd.raw")).equals(Buffer.alloc(1000, 7))).toBe(true);
  });

  it.skipIf(!HAS_QEMU)(`into the same disk as qemu-img ${NEEDS_QEMU}`, async () => {
    const sources = [at("odd.raw"), at("disk.qcow2"), at("disk.raw")];
    await good("convert", "-O", "qcow2", ...sources, at("ours.qcow2"));
    await qemu("qemu-img", "convert", "-O", "qcow2", ...sources, at("theirs.qcow2"));
    expect(await qemu("qemu-img", "compare", at("ours.qcow2"), at("theirs.qcow2"))).toBe("Images are identical.\n");
  });
});

describe(`convert -n -B (INSTAR_SEED=${SEED})`, () => {
  it("writes only what the target does not show", async () => {
    await good("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", at("upper.qcow2"));
    await good("io", "-c", "write -q -P 9 1M 64k", "-c", "write -q -z 2M 64k", at("upper.qcow2"));
    await good("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", at("target.qcow2"));
    // Something that the source does not show either.
    await good("io", "-c", "write -q -P 8 0 64k", at("target.qcow2"));
    await good("convert", "-n", "-O", "qcow2", "-B", "disk.qcow2", at("upper.qcow2"), at("target.qcow2"));
    await good("compare", at("upper.qcow2"), at("target.qcow2"));
    const map = (await good("map", "--output=json", at("target.qcow2"))).trim();
    const own = JSON.parse(map).filter((run: { depth: number }) => run.depth === 0);
    expect(own.map((run: { start: number; length: number }) => [run.start, run.length])).toEqual(
      expect.arrayContaining([[MIB, 65_536]]),
    );
    expect(own.reduce((sum: number, run: { length: number }) => sum + run.length, 0)).toBeLessThanOrEqual(3 * 65_536);
  });
});

describe("convert -r", () => {
  it("ends, with every byte", async () => {
    await good("convert", "-r", "100M", "-O", "qcow2", at("disk.raw"), at("slow.qcow2"));
    await good("compare", at("disk.raw"), at("slow.qcow2"));
  });

  it("waits when more was written than may be in the time", async () => {
    let stop: (signal: "SIGINT") => void = () => {};
    const done = instar(["convert", "-r", "1k", "-O", "qcow2", at("disk.raw"), at("slow.qcow2")], {
      onStart: (given) => (stop = given),
    });
    setImmediate(() => stop("SIGINT"));
    expect((await done).code).toBe(130);
  });
});

describe("convert -C", () => {
  it("copies as without", async () => {
    await good("convert", "-C", at("disk.qcow2"), at("copied.raw"));
    expect(readFileSync(at("copied.raw")).equals(disk)).toBe(true);
  });
});

describe("convert --salvage", () => {
  it("tells of each sector that cannot be read, and goes on", async () => {
    await good("create", "-q", "-f", "qcow2", at("cut.qcow2"), "1M");
    await good("io", "-c", "write -q -P 1 0 256k", at("cut.qcow2"));
    truncateSync(at("cut.qcow2"), readFileSync(at("cut.qcow2")).byteLength - 65_536 - 1000);
    expect((await instar(["convert", at("cut.qcow2"), at("cut.raw")])).code).toBe(1);
    const { code, err } = await instar(["convert", "--salvage", at("cut.qcow2"), at("cut.raw")]);
    expect(code).toBe(0);
    const lines = err.trim().split("\n");
    expect(lines).toHaveLength(1 + 128);
    expect(lines[0]).toMatch(/^instar: warning: error while reading block status at offset 0: /);
    expect(lines[1]).toMatch(/^instar: warning: error while reading offset 196608: /);
    const rescued = readFileSync(at("cut.raw"));
    const expected = Buffer.alloc(MIB);
    expected.fill(1, 0, 262_144 - 65_536 - 1000);
    expect(rescued.equals(expected)).toBe(true);
  });
});
