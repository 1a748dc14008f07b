import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildStandalone } from "../bundle/standalone.ts";
import { SEED, writeDisk } from "./disks.js";
import { serveFiles } from "./file-server.js";
import { HAS_QEMU, instar, NEEDS_QEMU, type Outcome, program, qemu, scratch } from "./harness.js";

const at = scratch();
const SECRET = ["--object", "secret,id=key,data=correct horse"];
const LUKS = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=1";

/** Runs it where no Node.js and no package can be found. */
function standalone(...argv: readonly string[]): Promise<Outcome> {
  return program(at("instar"), argv, { cwd: at() });
}

beforeAll(async () => {
  await buildStandalone(at("instar"));
  writeDisk(at("disk.raw"), 4 * 1_048_576, SEED);
}, 60_000);

describe("the executable that needs no Node.js", () => {
  // Each with the standalone program in one directory of names, and with the library in another.
  it.each([
    ["create -f qcow2 @a.qcow2 64M"],
    ["io -c", "write -P 7 1M 70k", "@a.qcow2"],
    ["create -f qcow2 -b @a.qcow2 -F qcow2 @b.qcow2"],
    ["info --backing-chain @b.qcow2"],
    ["info --output=json @a.qcow2"],
    ["map --output=json @b.qcow2"],
    ["convert -c -O qcow2 -o compression_type=zstd", "disk.raw", "@c.qcow2"],
    ["check @c.qcow2"],
    ["compare disk.raw @c.qcow2"],
    ["compare @a.qcow2 @c.qcow2"],
    ["snapshot -c one @a.qcow2"],
    ["bitmap --add @a.qcow2 since"],
    ["amend -o refcount_bits=32 @a.qcow2"],
    ["measure -O qcow2 disk.raw"],
    ["commit @b.qcow2"],
    ["info missing"],
    ["convert"],
    ["help convert"],
    ["--version"],
    ["--as qemu-img --version"],
  ])("does what the other one does: %s %s %s", async (line, ...rest) => {
    const argv = [...line.split(" "), ...rest];
    const name = (way: string) => (word: string) => word.replace("@", at(way)).replace(/^disk\.raw$/, at("disk.raw"));
    const there = (text: string, way: string): string =>
      text
        .replaceAll(at(way), at(""))
        .replace(/ in \S+ sec.*|; \S+ sec .*/g, "")
        .replace(/(disk size|"actual-size"): .*/g, "");
    const ours = await standalone(...argv.map(name("standalone-")));
    const theirs = await instar(argv.map(name("library-")));
    expect({ ...ours, out: there(ours.out, "standalone-"), err: there(ours.err, "standalone-") }).toEqual({
      ...theirs,
      out: there(theirs.out, "library-"),
      err: there(theirs.err, "library-"),
    });
  });

  it("encrypts", async () => {
    expect(await standalone("create", "-q", ...SECRET, "-f", "qcow2", "-o", LUKS, at("luks.qcow2"), "1M")).toEqual({
      code: 0,
      out: "",
      err: "",
    });
    const image = `driver=qcow2,file.filename=${at("luks.qcow2")},encrypt.key-secret=key`;
    await standalone("io", ...SECRET, "--image-opts", image, "-c", "write -P 65 0 1M");
    expect((await instar(["io", ...SECRET, "--image-opts", image, "-c", "read -P 65 0 1M"])).out).toContain(
      "read 1048576/1048576 bytes",
    );
  });

  it("reads over HTTP", async () => {
    const { origin } = await serveFiles(at);
    expect((await standalone("convert", `${origin}/disk.raw`, at("fetched.raw"))).err).toBe("");
    expect(readFileSync(at("fetched.raw")).equals(readFileSync(at("disk.raw")))).toBe(true);
  });

  it.runIf(process.platform === "linux")("knows the holes of files, and makes them", async () => {
    await standalone("create", "-q", at("holes.raw"), "64M");
    await standalone("io", "-c", "write -P 7 1M 8M", "-c", "discard 2M 4M", at("holes.raw"));
    expect(JSON.parse((await standalone("map", "--output=json", at("holes.raw"))).out)).toMatchObject([
      { start: 0, data: false },
      { start: 1_048_576, length: 1_048_576, data: true },
      { start: 2 * 1_048_576, length: 4 * 1_048_576, data: false },
      { start: 6 * 1_048_576, length: 3 * 1_048_576, data: true },
      { data: false },
    ]);
    expect(statSync(at("holes.raw")).blocks * 512).toBeLessThan(5 * 1_048_576);
  });

  it("makes wrappers that call it", async () => {
    await standalone("wrappers", at("bin"));
    const { out } = await program(at("bin/qemu-img"), ["--version"]);
    expect(out).toMatch(/^qemu-img version 7\.2\.0 \(instar \d+\.\d+\.\d+\)\n$/);
  });

  it("takes no settings from files in the directory where it is run", async () => {
    mkdirSync(at("elsewhere"));
    mkdirSync(at("here"));
    await instar(["create", "-q", at("elsewhere/base.raw"), "1M"]);
    const over = ["-F", "raw", "-b", at("elsewhere/base.raw"), at("here/over.qcow2")];
    await instar(["create", "-q", "-f", "qcow2", ...over]);
    writeFileSync(at("here/.env"), `INSTAR_ALLOW_PATH=${at("elsewhere")}\n`);
    writeFileSync(at("here/bunfig.toml"), 'preload = ["./preload.js"]\n');
    writeFileSync(at("here/preload.js"), 'console.log("preloaded");\n');
    const compare = ["compare", "over.qcow2", at("elsewhere/base.raw")];
    const { code, out, err } = await program(at("instar"), compare, { cwd: at("here"), env: {} });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("--allow-path");
  });

  it("leaves a consistent image when it is stopped", async () => {
    await standalone("create", "-q", "-f", "qcow2", at("stopped.qcow2"), "64M");
    const child = spawn(at("instar"), ["io", at("stopped.qcow2")], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.write("write -q -P 7 1M 1M\nlength\n");
    // The answer to the second command says that the first one is done.
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([143, null]);
    expect((await standalone("check", at("stopped.qcow2"))).code).toBe(0);
    expect((await standalone("io", "-r", "-c", "read -q -P 7 1M 1M", at("stopped.qcow2"))).code).toBe(0);
  });

  it.runIf(HAS_QEMU)(`writes images that QEMU reads ${NEEDS_QEMU}`, async () => {
    await standalone("convert", "-O", "qcow2", at("disk.raw"), at("for-qemu.qcow2"));
    await qemu("qemu-img", "check", at("for-qemu.qcow2"));
    await qemu("qemu-img", "compare", at("disk.raw"), at("for-qemu.qcow2"));
  });
});
