import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, type Outcome, program, qemu, scratch } from "./harness.js";

const at = scratch();
const disk = at("disk.qcow2");
const date = new Date("2026-03-04T05:06:07.890Z");

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv, { date });
  expect([code, err]).toEqual([0, ""]);
  return out;
}

beforeAll(async () => {
  await good("create", "-q", "-f", "qcow2", at("base.qcow2"), "1M");
  await good("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", at("new.qcow2"));
  await good("io", "-c", "write -q -P 1 0 128k", at("new.qcow2"));
});

beforeEach(() => copyFileSync(at("new.qcow2"), disk));

describe("snapshot", () => {
  it("makes, lists, applies and removes", async () => {
    expect(await good("snapshot", disk)).toBe("");
    await good("snapshot", "-c", "first", disk);
    await good("io", "-c", "write -q -P 2 64k 128k", disk);
    await good("snapshot", "-q", "-c", "second", disk);
    expect(await good("snapshot", "-l", disk)).toMatch(
      /^Snapshot list:\nID +TAG .*\n1 +first +0 B 2026-.* 00:00:00\.000 .*\n2 +second .*\n$/,
    );
    await good("snapshot", "-a", "first", disk);
    await good("io", "-c", "read -q -P 1 0 128k", "-c", "read -q -P 0 128k 64k", disk);
    // By its id.
    await good("snapshot", "-a", "2", disk);
    await good("io", "-c", "read -q -P 1 0 64k", "-c", "read -q -P 2 64k 128k", disk);
    await good("snapshot", "-d", "first", disk);
    await good("snapshot", "-d", "second", disk);
    expect(await good("snapshot", disk)).toBe("");
    await good("check", disk);
  });

  it("dates a snapshot with the time it is", async () => {
    await good("snapshot", "-c", "now", disk);
    const [snapshot] = JSON.parse(await good("info", "--output=json", disk)).snapshots;
    expect(snapshot).toMatchObject({ name: "now", "date-sec": 1_772_600_767, "date-nsec": 890_000_000 });
  });

  it.each([
    [["-c", "a", "-d", "b", "FILE"], "Cannot mix '-l', '-a', '-c', '-d'"],
    [["-c", "a", "-c", "b", "FILE"], "Cannot mix '-l', '-a', '-c', '-d'"],
    [["-a", "nothing", "FILE"], "Could not apply snapshot 'nothing': snapshot not found"],
    [["-d", "nothing", "FILE"], "Could not delete snapshot 'nothing': snapshot not found"],
    // An id does not do here, so that nobody removes the wrong one.
    [["-d", "1", "FILE"], "Could not delete snapshot '1': snapshot not found"],
    [["-c", "a"], "expecting one image file name"],
    [["-U", "-c", "a", "FILE"], "-U goes with -l only"],
    [["-c", "x".repeat(300), "FILE"], "Could not create snapshot"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    await good("snapshot", "-c", "kept", disk);
    const before = readFileSync(disk);
    const { code, err } = await instar(["snapshot", ...argv.map((word) => (word === "FILE" ? disk : word))]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(readFileSync(disk).equals(before)).toBe(true);
  });

  it("of a raw image can only be listed: there are none", async () => {
    writeFileSync(at("disk.raw"), Buffer.alloc(65_536));
    expect(await good("snapshot", "-l", at("disk.raw"))).toBe("");
    for (const option of ["-c", "-a", "-d"]) {
      expect((await instar(["snapshot", option, "x", at("disk.raw")])).err).toContain("format raw has no snapshots");
    }
  });
});

describe("-l of convert and measure", () => {
  beforeEach(async () => {
    await good("snapshot", "-c", "one", disk);
    await good("io", "-c", "write -q -P 2 0 512k", disk);
    await good("snapshot", "-c", "1", disk);
  });

  it.each([
    ["one", 1],
    // An id comes before a name.
    ["1", 1],
    ["2", 2],
    ["snapshot.name=1", 2],
    ["snapshot.id=1", 1],
    ["snapshot.id=2,snapshot.name=1", 2],
  ])("reads %s", async (value, pattern) => {
    await good("convert", "-O", "qcow2", "-l", value, disk, at("copy.qcow2"));
    await good("io", "-c", `read -q -P ${pattern} 0 128k`, at("copy.qcow2"));
    const { required } = JSON.parse(await good("measure", "-O", "qcow2", "--output=json", "-l", value, disk));
    expect(required).toBe(327_680 + pattern ** 2 * 131_072);
  });

  it.each([
    ["nothing", "Failed to load snapshot: Can't find snapshot"],
    ["snapshot.id=1,snapshot.name=1", "Failed to load snapshot: Can't find snapshot"],
    ["snapshot.x=1", "Invalid parameter 'snapshot.x'"],
  ])("refuses %s", async (value, message) => {
    expect((await instar(["convert", "-l", value, disk, at("none.raw")])).err).toContain(message);
    expect((await instar(["measure", "-l", value, disk])).err).toContain(message);
  });

  it("refuses several sources, none, and images that have no snapshots", async () => {
    const several = await instar(["convert", "-l", "one", disk, disk, at("none.raw")]);
    expect(several.err).toContain("No support for concatenating multiple snapshot");
    expect((await instar(["measure", "-l", "one", "--size", "1M"])).err).toContain("require a filename argument");
    writeFileSync(at("disk.raw"), Buffer.alloc(65_536));
    expect((await instar(["convert", "-l", "x", at("disk.raw"), at("none.raw")])).err).toContain("format raw has none");
  });
});

describe.skipIf(!HAS_QEMU)(`snapshot and qemu-img agree ${NEEDS_QEMU}`, () => {
  /** What both say, the time and the count of instructions aside: qemu-img says 0, where nobody counted. */
  async function both(...argv: string[]): Promise<void> {
    const [ours, theirs] = [await instar([...argv, disk]), await program("qemu-img", [...argv, at("theirs.qcow2")])];
    const timeless = ({ code, out }: Outcome): unknown => [
      code,
      out.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME").replace(/[0 ]$/gm, ""),
    ];
    expect(timeless(ours)).toEqual(timeless(theirs));
  }

  it("over a life of an image", async () => {
    copyFileSync(at("new.qcow2"), at("theirs.qcow2"));
    const write = async (...commands: string[]): Promise<void> => {
      const argv = commands.flatMap((command) => ["-c", command]);
      await good("io", ...argv, disk);
      await qemu("qemu-io", ...argv, at("theirs.qcow2"));
    };
    for (const argv of [["-c", "a"], ["-c", "b"], ["-l"], ["-c", "1"], ["-d", "2"], ["-d", "1"], ["-l"], ["-a", "2"]]) {
      await both("snapshot", ...argv);
      await write("write -q -P 5 300k 100k", "discard -q 0 64k");
    }
    await both("snapshot", "-c", "");
    await both("snapshot", "-d", "nothing");
    await both("snapshot", "-a", "nothing");
    await both("snapshot", "-l");
    await qemu("qemu-img", "compare", disk, at("theirs.qcow2"));
    await qemu("qemu-img", "check", disk);
    for (const name of ["a", "b"]) {
      await qemu("qemu-img", "convert", "-l", name, disk, at("ours.raw"));
      await qemu("qemu-img", "convert", "-l", name, at("theirs.qcow2"), at("theirs.raw"));
      expect(readFileSync(at("ours.raw")).equals(readFileSync(at("theirs.raw")))).toBe(true);
      await both("measure", "-O", "qcow2", "-l", name);
    }
  });
});
