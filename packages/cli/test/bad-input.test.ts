import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instar, instarProcess, program, scratch, BIN } from "./harness.js";

const at = scratch();

/** A copy of a good image with its header changed. */
function withHeader(change: (image: Buffer) => void): string {
  const image = readFileSync(at("good.qcow2"));
  change(image);
  writeFileSync(at("bad.qcow2"), image);
  return at("bad.qcow2");
}

const COMMANDS = [["info"], ["check"], ["map"], ["io", "-c", "read 0 512"], ["compare", "-q"], ["convert"]];

/** Runs a command on a file that cannot be opened; where it needs a second one it gets that. */
async function refusal(command: readonly string[], file: string): Promise<string> {
  const second = { compare: [at("good.qcow2")], convert: [at("never")] }[command[0] ?? ""] ?? [];
  const { code, out, err } = await instar([...command, file, ...second]);
  expect(code).toBe(command[0] === "compare" ? 2 : 1);
  expect(out).toBe("");
  expect(err).toMatch(/^instar: \w+: [^\n]+\n$/);
  expect(err).not.toMatch(/ {4}at |node:internal/);
  return err;
}

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("good.qcow2"), "10M"]);
  await instar(["io", "-c", "write -q 0 1M", at("good.qcow2")]);
});

describe.each(COMMANDS)("%s refuses", (...command) => {
  it("a file that is not there", async () => {
    expect(await refusal(command, at("missing"))).toContain("no such file or directory");
  });

  it("a directory", async () => {
    mkdirSync(at("directory"), { recursive: true });
    expect(await refusal(command, at("directory"))).toContain("directory");
  });

  it("a FIFO, and does not wait for it", async () => {
    execFileSync("mkfifo", [at(`fifo-${command[0]}`)]);
    expect(await refusal(command, at(`fifo-${command[0]}`))).toContain("FIFO");
  });

  it("an unknown feature, by name", async () => {
    const file = withHeader((image) => image.writeBigUInt64BE(1n << 40n, 72));
    expect(await refusal(command, file)).toContain("bit 40");
  });

  it("an encrypted image whose content it needs", async () => {
    const file = withHeader((image) => image.writeUInt32BE(1, 32));
    if (command[0] === "info" || command[0] === "check") expect((await instar([...command, file])).code).toBe(0);
    else expect(await refusal(command, file)).toMatch(/encrypt/);
  });

  it("a version that nobody knows", async () => {
    expect(
      await refusal(
        command,
        withHeader((image) => image.writeUInt32BE(4, 4)),
      ),
    ).toMatch(/version/);
  });

  it("a header that contradicts itself", async () => {
    expect(
      await refusal(
        command,
        withHeader((image) => image.writeUInt32BE(3, 20)),
      ),
    ).toContain("cluster_bits");
  });

  it("an image that is cut off", async () => {
    const file = withHeader(() => {});
    truncateSync(file, 100);
    await refusal(command, file);
  });

  it("a description that says too little, and names of other protocols", async () => {
    expect(await refusal(command, 'json:{"driver":"qcow2"}')).toContain("file.filename is missing");
    expect(await refusal(command, "nbd://localhost/disk")).toContain("nbd");
  });
});

describe("a backing file that is not allowed", () => {
  beforeAll(async () => {
    mkdirSync(at("images/own"), { recursive: true });
    mkdirSync(at("store"));
    await instar(["create", "-q", at("store/base.raw"), "1M"]);
    await instar(["create", "-q", "-f", "qcow2", "-b", at("store/base.raw"), "-F", "raw", at("images/own/top.qcow2")]);
  });

  const reading = [["map"], ["io", "-r", "-c", "read -q 0 512"], ["info", "--backing-chain"]];

  it.each(reading)("is refused, with the option that would allow it: %s", async (...command) => {
    const { code, err } = await instar([...command, at("images/own/top.qcow2")]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: \w+: [^\n]+\n$/);
    expect(err).toContain(`its backing file '${at("store/base.raw")}' lies outside of '${at("images/own")}'`);
    expect(err).toContain(`--allow-path '${at("store")}' would allow it`);
  });

  it.each(reading)("is opened with --allow-path, or INSTAR_ALLOW_PATH: %s", async (...command) => {
    const file = at("images/own/top.qcow2");
    expect((await instar([...command, "--allow-path", at("store"), file])).err).toBe("");
    expect((await instar([...command, "--allow-path", at("images"), "--allow-path", at(), file])).err).toBe("");
    expect((await instar([...command, file], { env: { INSTAR_ALLOW_PATH: `/nowhere:${at("store")}` } })).err).toBe("");
    expect((await instar([...command, file], { env: { INSTAR_ALLOW_PATH: at("images") } })).code).toBe(1);
  });

  it("is not needed for what the header tells", async () => {
    expect((await instar(["info", at("images/own/top.qcow2")])).code).toBe(0);
    expect((await instar(["check", at("images/own/top.qcow2")])).code).toBe(0);
  });
});

describe("a chain of backing files", () => {
  beforeEach(async () => {
    for (const name of ["one", "two", "three"]) {
      await instar(["create", "-q", "-f", "qcow2", at(`${name}.qcow2`), "1M"]);
    }
  });

  async function over(top: string, base: string): Promise<void> {
    const argv = ["create", "-q", "-u", "-f", "qcow2", "-b", `${base}.qcow2`, "-F", "qcow2", at(`${top}.qcow2`), "1M"];
    expect((await instar(argv)).err).toBe("");
  }

  it("that leads to its beginning is refused, with its members", async () => {
    await over("one", "two");
    await over("two", "three");
    await over("three", "one");
    const { code, err } = await instar(["map", at("one.qcow2")]);
    expect(code).toBe(1);
    const way = ["one", "two", "three", "one"].map((name) => at(`${name}.qcow2`)).join(" -> ");
    expect(err).toContain(`the chain of backing files is a loop: ${way}`);
  });

  it("that is an image of itself is refused", async () => {
    await over("one", "one");
    expect((await instar(["map", at("one.qcow2")])).err).toContain("is a loop");
  });

  it("whose formats are not named is told by content", async () => {
    await over("one", "two");
    const image = readFileSync(at("one.qcow2"));
    // The header extension of the format becomes one that nobody knows.
    const extension = image.indexOf(Buffer.from([0xe2, 0x79, 0x2a, 0xca]));
    image.writeUInt32BE(0x11223344, extension);
    writeFileSync(at("one.qcow2"), image);
    const { out } = await instar(["info", "--backing-chain", "--output=json", at("one.qcow2")]);
    expect((JSON.parse(out) as { format: string }[]).map(({ format }) => format)).toEqual(["qcow2", "qcow2"]);
  });

  it("with a format that nobody knows is refused", async () => {
    await over("one", "two");
    const image = readFileSync(at("one.qcow2"));
    const extension = image.indexOf(Buffer.from([0xe2, 0x79, 0x2a, 0xca]));
    image.write("vmdkx", extension + 8);
    writeFileSync(at("one.qcow2"), image);
    expect((await instar(["map", at("one.qcow2")])).err).toContain("unknown file format 'vmdkx'");
  });
});

describe("a failure", () => {
  it("leaves no stack trace in a real process either", async () => {
    const { code, out, err } = await instarProcess(["info", at("missing")]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^instar: info: [^\n]*\n$/);
  });

  it("to print is told, and exits with 1", async () => {
    const { code, err } = await program("bash", ["-c", `"$0" "$1" help > /dev/full`, process.execPath, BIN]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: [^\n]*no space left[^\n]*\n$/i);
  });

  it("to write loses and changes nothing", async () => {
    copyFileSync(at("good.qcow2"), at("kept.qcow2"));
    for (const command of ["write 100M 1", "read 100M 1"]) await instar(["io", "-c", command, at("kept.qcow2")]);
    renameSync(at("kept.qcow2"), at("moved.qcow2"));
    expect((await instar(["compare", at("good.qcow2"), at("moved.qcow2")])).code).toBe(0);
    expect((await instar(["check", at("moved.qcow2")])).code).toBe(0);
  });
});
