import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { BIN, HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const MIB = 1_048_576;
const CHAIN = ["base", "middle", "top"].map((name) => at(`${name}.qcow2`));
const [base = "", middle = "", top = ""] = CHAIN;

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

/** What an image shows. */
async function shown(file: string): Promise<Buffer> {
  await good("convert", "-O", "raw", file, at("shown.raw"));
  return readFileSync(at("shown.raw"));
}

async function write(file: string, ...commands: string[]): Promise<void> {
  await good("io", ...commands.flatMap((command) => ["-c", `write -q ${command}`]), file);
}

let before: Buffer;

beforeAll(async () => {
  writeDisk(at("base.raw"), 3 * MIB, SEED);
  await good("convert", "-O", "qcow2", at("base.raw"), base);
  // Shorter than what is below it, and than what is above it.
  await good("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", middle, "2M");
  await write(middle, "-P 2 100k 300k", "-z 1M 128k");
  await good("create", "-q", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", top, "4M");
  await write(top, "-P 3 200k 64k", "-z 0 64k", "-P 4 3500k 1k");
  before = await shown(top);
  for (const file of CHAIN) copyFileSync(file, `${file}.kept`);
});

beforeEach(() => {
  for (const file of CHAIN) copyFileSync(`${file}.kept`, file);
});

describe(`commit (INSTAR_SEED=${SEED})`, () => {
  it("-d writes into the image below, and leaves the image as it is", async () => {
    const image = readFileSync(top);
    expect(await good("commit", "-d", top)).toBe("Image committed.\n");
    expect(readFileSync(top).equals(image)).toBe(true);
    expect((await shown(middle)).equals(before)).toBe(true);
    expect((await shown(top)).equals(before)).toBe(true);
    for (const file of CHAIN) await good("check", "-q", file);
  });

  it("empties the image once the one below has all of it", async () => {
    expect(await good("commit", top)).toBe("Image committed.\n");
    expect((await shown(middle)).equals(before)).toBe(true);
    expect((await shown(top)).equals(before)).toBe(true);
    expect(JSON.parse(await good("check", "--output=json", top))["allocated-clusters"] ?? 0).toBe(0);
    for (const file of CHAIN) await good("check", "-q", file);
  });

  it.each(["base.qcow2", "PATH"])("-b %s writes what all images over it hold", async (name) => {
    const kept = [readFileSync(middle), readFileSync(top)];
    await good("commit", "-q", "-b", name === "PATH" ? base : name, top);
    expect((await shown(base)).equals(before)).toBe(true);
    expect([readFileSync(middle), readFileSync(top)].every((bytes, index) => kept[index]?.equals(bytes))).toBe(true);
    await good("check", "-q", base);
  });

  it("into a raw image makes it larger, and no fuller than it must be", async () => {
    await good("create", "-q", "-f", "raw", at("low.raw"), "1M");
    await good("create", "-q", "-f", "qcow2", "-b", "low.raw", "-F", "raw", at("over.qcow2"), "64M");
    await write(at("over.qcow2"), "-P 5 0 64k", "-z 1M 32M", "-P 6 63M 64k");
    await good("commit", "-d", at("over.qcow2"));
    await good("compare", "-f", "raw", at("low.raw"), at("over.qcow2"));
    expect(statSync(at("low.raw")).size).toBe(64 * MIB);
    expect(statSync(at("low.raw")).blocks * 512).toBeLessThan(2 * MIB);
  });

  it("shows how far it has come with -p, and keeps to a rate", async () => {
    expect(await good("commit", "-p", "-d", "-r", "100M", top)).toMatch(
      /^ {4}\(0\.00\/100%\)\r.*\nImage committed\.\n$/s,
    );
    expect((await shown(middle)).equals(before)).toBe(true);
  });

  it.each([
    [["BASE"], "Image does not have a backing file"],
    [["-b", "nothing", "TOP"], "Did not find 'nothing' in the backing chain of"],
    [["-b", "TOP", "TOP"], "in the backing chain of"],
    [["-r", "fast", "TOP"], "invalid rate limit 'fast'"],
    [["-t", "bogus", "TOP"], "-t 'bogus'"],
    [["TOP", "TOP"], "expecting one image file name"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    const words = argv.map((word) => word.replace("BASE", base).replace("TOP", top));
    const { code, err } = await instar(["commit", "-d", ...words]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    for (const file of CHAIN) expect(readFileSync(file).equals(readFileSync(`${file}.kept`))).toBe(true);
  });
});

describe("commit that is stopped", () => {
  it("by SIGINT leaves what the image shows", async () => {
    let stop: (signal: "SIGINT") => void = () => {};
    const done = instar(["commit", top], { onStart: (given) => (stop = given) });
    setImmediate(() => stop("SIGINT"));
    expect((await done).code).toBe(130);
    expect((await shown(top)).equals(before)).toBe(true);
  });

  it("by SIGKILL leaves what the image shows", async () => {
    const child = spawn(process.execPath, [BIN, "commit", "-p", top]);
    let told = "";
    child.stdout.on("data", (data: Buffer) => {
      told += data.toString();
      if (told.split("\r").length > 2) child.kill("SIGKILL");
    });
    await once(child, "exit");
    expect((await shown(top)).equals(before)).toBe(true);
    // Clusters may have leaked.
    for (const file of CHAIN) expect([0, 3]).toContain((await instar(["check", "-q", file])).code);
  });
});

describe.skipIf(!HAS_QEMU)(`commit and qemu-img agree ${NEEDS_QEMU} (INSTAR_SEED=${SEED})`, () => {
  it.each([
    [["TOP"]],
    [["-d", "TOP"]],
    [["-q", "-d", "TOP"]],
    [["-b", "base.qcow2", "TOP"]],
    [["-d", "-b", "base.qcow2", "TOP"]],
    [["-d", "-b", "middle.qcow2", "TOP"]],
    [["-d", "-b", "nothing", "TOP"]],
    [["-d", "BASE"]],
  ])("%j", async (argv) => {
    const words = argv.map((word) => word.replace("BASE", base).replace("TOP", top));
    const theirs = await program("qemu-img", ["commit", ...words], { cwd: at() });
    const disks: Buffer[] = [];
    for (const file of CHAIN) disks.push(await shown(file));
    for (const file of CHAIN) copyFileSync(`${file}.kept`, file);
    const ours = await instar(["commit", ...words]);
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
    for (const [index, file] of CHAIN.entries()) {
      await qemu("qemu-img", "check", file);
      expect((await shown(file)).equals(disks[index] ?? Buffer.alloc(0))).toBe(true);
    }
  });
});
