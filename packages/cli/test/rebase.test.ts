import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { BIN, HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();
const MIB = 1_048_576;
const overlay = at("overlay.qcow2");

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

async function backingName(file: string): Promise<string | undefined> {
  return JSON.parse(await good("info", "--output=json", file))["backing-filename"];
}

let before: Buffer;

beforeAll(async () => {
  for (const [name, size, seed] of [
    ["old", 4 * MIB, SEED],
    ["new", 3 * MIB + 512, SEED + 1],
  ] as const) {
    writeDisk(at(`${name}.raw`), size, seed);
    await good("convert", "-O", "qcow2", at(`${name}.raw`), at(`${name}.qcow2`));
  }
  for (const version of ["v2", "v3"]) {
    const options = ["-o", `compat=${version}`, "-b", "old.qcow2", "-F", "qcow2"];
    await good("create", "-q", "-f", "qcow2", ...options, at(`${version}.qcow2`), "5M");
    await good("io", "-c", "write -q -P 7 100k 300k", "-c", "write -q -z 2M 512k", at(`${version}.qcow2`));
  }
  before = await shown(at("v3.qcow2"));
});

beforeEach(() => copyFileSync(at("v3.qcow2"), overlay));

describe(`rebase (INSTAR_SEED=${SEED})`, () => {
  it.each([
    ["v3", "new.qcow2", "qcow2"],
    ["v2", "new.qcow2", "qcow2"],
    ["v3", "new.raw", "raw"],
    ["v3", "", undefined],
    ["v2", "", undefined],
  ])("of a %s image keeps what it shows over '%s'", async (version, name, format) => {
    copyFileSync(at(`${version}.qcow2`), overlay);
    expect(await good("rebase", "-b", name, ...(format === undefined ? [] : ["-F", format]), overlay)).toBe("");
    expect((await shown(overlay)).equals(before)).toBe(true);
    expect(await backingName(overlay)).toBe(name === "" ? undefined : name);
    await good("check", overlay);
  });

  it("of an image that stood alone records zeroes", async () => {
    await good("create", "-q", "-f", "qcow2", overlay, "5M");
    await good("rebase", "-b", "new.qcow2", "-F", "qcow2", overlay);
    expect((await shown(overlay)).every((byte) => byte === 0)).toBe(true);
    // They take no space.
    const { required } = JSON.parse(await good("measure", "-O", "qcow2", "--output=json", "--size", "5M"));
    expect(readFileSync(overlay).byteLength).toBeLessThanOrEqual(required + 65_536);
  });

  it("writes only where the images below differ", async () => {
    copyFileSync(at("old.qcow2"), at("same.qcow2"));
    const size = readFileSync(overlay).byteLength;
    await good("rebase", "-b", "same.qcow2", "-F", "qcow2", overlay);
    expect(readFileSync(overlay).byteLength).toBe(size);
    expect((await shown(overlay)).equals(before)).toBe(true);
  });

  it("-u changes the name, and looks at nothing", async () => {
    await good("rebase", "-u", "-b", "nothing.raw", "-F", "raw", overlay);
    expect(await backingName(overlay)).toBe("nothing.raw");
    // Neither is what it names now.
    await good("rebase", "-u", "-b", "old.qcow2", "-F", "qcow2", overlay);
    expect((await shown(overlay)).equals(before)).toBe(true);
    await good("rebase", "-u", overlay);
    expect(await backingName(overlay)).toBeUndefined();
  });

  it("takes a relative name from the directory of the image", async () => {
    mkdirSync(at("inner"), { recursive: true });
    renameSync(overlay, at("inner", "overlay.qcow2"));
    const inner = at("inner", "overlay.qcow2");
    await good("rebase", "-u", "-b", "../old.qcow2", "-F", "qcow2", inner);
    await good("rebase", "-b", "../new.qcow2", "-F", "qcow2", "--allow-path", at(), inner);
    expect(await backingName(inner)).toBe("../new.qcow2");
    await good("rebase", "-b", "", "--allow-path", at(), inner);
    expect((await shown(inner)).equals(before)).toBe(true);
  });

  it("shows how far it has come with -p", async () => {
    const out = await good("rebase", "-p", "-b", "", overlay);
    expect(out).toMatch(/^ {4}\(0\.00\/100%\)\r.* {4}\(100\.00\/100%\)\r\n$/s);
  });

  it.each([
    [["-b", "new.qcow2", "FILE"], "backing format must be specified"],
    [["-b", "nothing.qcow2", "-F", "qcow2", "FILE"], "Could not open new backing file 'nothing.qcow2'"],
    [["-b", "new.qcow2", "-F", "bogus", "FILE"], "unknown file format 'bogus'"],
    [["-b", "overlay.qcow2", "-F", "qcow2", "FILE"], "Could not open new backing file 'overlay.qcow2'"],
    [["FILE"], "Must specify backing file (-b) or use unsafe mode (-u)"],
    [["-b", "", "FILE", "FILE"], "expecting one image file name"],
    [["-t", "bogus", "-b", "", "FILE"], "-t 'bogus'"],
    [["-u", "-b", "x".repeat(1100), "-F", "raw", "FILE"], "Could not change the backing file to"],
  ])("refuses %j, and changes nothing", async (argv, message) => {
    const image = readFileSync(overlay);
    const { code, err } = await instar(["rebase", ...argv.map((word) => (word === "FILE" ? overlay : word))]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(readFileSync(overlay).equals(image)).toBe(true);
  });

  it("refuses a raw image", async () => {
    const { code, err } = await instar(["rebase", "-f", "raw", "-b", "", at("old.raw")]);
    expect([code, err]).toEqual([1, expect.stringContaining("format raw has none")]);
  });
});

describe("rebase that is stopped", () => {
  it("by SIGINT leaves the image as it was, over what it was over", async () => {
    let stop: (signal: "SIGINT") => void = () => {};
    const done = instar(["rebase", "-b", "", overlay], { onStart: (given) => (stop = given) });
    setImmediate(() => stop("SIGINT"));
    expect((await done).code).toBe(130);
    expect((await shown(overlay)).equals(before)).toBe(true);
    expect(await backingName(overlay)).toBe("old.qcow2");
  });

  it("by SIGKILL leaves an image that shows what it did", async () => {
    const child = spawn(process.execPath, [BIN, "rebase", "-p", "-b", "", overlay]);
    let told = "";
    child.stdout.on("data", (data: Buffer) => {
      told += data.toString();
      if (told.split("\r").length > 3) child.kill("SIGKILL");
    });
    await once(child, "exit");
    // Clusters may have leaked.
    expect([0, 3]).toContain((await instar(["check", "-q", overlay])).code);
    expect((await shown(overlay)).equals(before)).toBe(true);
  });
});

describe.skipIf(!HAS_QEMU)(`rebase and qemu-img agree ${NEEDS_QEMU} (INSTAR_SEED=${SEED})`, () => {
  it.each([
    [["-b", "new.qcow2", "-F", "qcow2"]],
    [["-b", "new.raw", "-F", "raw"]],
    [["-b", ""]],
    [["-u", "-b", "new.qcow2", "-F", "qcow2"]],
    [["-u"]],
    [["-b", "new.qcow2"]],
    [["-b", "nothing", "-F", "raw"]],
    [[]],
  ])("%j", async (options) => {
    copyFileSync(overlay, at("theirs.qcow2"));
    const [ours, theirs] = [
      await instar(["rebase", ...options, overlay]),
      await program("qemu-img", ["rebase", ...options, at("theirs.qcow2")]),
    ];
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
    await qemu("qemu-img", "check", overlay);
    await qemu("qemu-img", "compare", overlay, at("theirs.qcow2"));
    expect(await backingName(overlay)).toBe(await backingName(at("theirs.qcow2")));
  });
});
