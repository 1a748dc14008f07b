import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { BIN, HAS_QEMU, instar, qemu, scratch } from "./harness.js";

const at = scratch();
const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;

function start(...argv: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [BIN, ...argv], { stdio: ["pipe", "pipe", "pipe"] });
}

/** Resolves when a process has written a text that a pattern is found in. */
function written(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) resolve(text);
    });
    stream.on("end", () => reject(new Error(`ended with ${JSON.stringify(text)}`)));
  });
}

describe("SIGINT and SIGTERM", () => {
  beforeAll(() => {
    writeDisk(at("large.raw"), 64 * 1_048_576, SEED);
  });

  it.each(SIGNALS)("%s between commands leaves a consistent image, and exits with %d", async (signal, code) => {
    await instar(["create", "-q", "-f", "qcow2", at("disk.qcow2"), "10M"]);
    const child = start("io", at("disk.qcow2"));
    child.stdin.write("write -q -P 7 1M 1M\nlength\n");
    // The answer to the second command says that the first one is done.
    await once(child.stdout, "data");
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([code, null]);
    expect((await instar(["check", at("disk.qcow2")])).code).toBe(0);
    expect((await instar(["io", "-r", "-c", "read -q -P 7 1M 1M", at("disk.qcow2")])).code).toBe(0);
  });

  // At this rate it would go on for a minute.
  const convert = ["convert", "-p", "-r", "1M", "-O", "qcow2"];

  it.each(SIGNALS)("%s leaves nothing of an image that is being made", async (signal, code) => {
    const child = start(...convert, at("large.raw"), at("half.qcow2"));
    await written(child.stdout, /\([1-9]/);
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([code, null]);
    expect(existsSync(at("half.qcow2"))).toBe(false);
  });

  it("a second signal at once, as wrappers hand on what the terminal has told everybody, changes nothing", async () => {
    const child = start(...convert, at("large.raw"), at("twice.qcow2"));
    await written(child.stdout, /\([1-9]/);
    // Two of one kind may arrive as one.
    child.kill("SIGINT");
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[1]).toBe(null);
    expect(existsSync(at("twice.qcow2"))).toBe(false);
  });

  it.each(SIGNALS)("%s leaves an image consistent that is being written to", async (signal, code) => {
    await instar(["create", "-q", "-f", "qcow2", at("there.qcow2"), "64M"]);
    const child = start(...convert, "-n", at("large.raw"), at("there.qcow2"));
    await written(child.stdout, /\([1-9]/);
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([code, null]);
    expect((await instar(["check", at("there.qcow2")])).out).toContain("No errors were found");
    if (HAS_QEMU) expect(await qemu("qemu-img", "check", at("there.qcow2"))).toContain("No errors were found");
  });

  it("ends a command that waits", async () => {
    await instar(["create", "-q", "-f", "qcow2", at("idle.qcow2"), "10M"]);
    let stop: (signal: "SIGINT") => void = () => {};
    const outcome = instar(["io", "-c", "length", "-c", "sleep 100000", at("idle.qcow2")], {
      onStart: (given) => (stop = given),
    });
    setImmediate(() => stop("SIGINT"));
    expect((await outcome).code).toBe(130);
  });
});

describe("SIGUSR1", () => {
  it("has it told how far the work has come, and the work goes on", async () => {
    const child = start("convert", "-p", "-r", "1M", "-O", "raw", at("large.raw"), at("asked.raw"));
    await written(child.stdout, /\([1-9]/);
    child.kill("SIGUSR1");
    expect(await written(child.stderr, /\n/)).toMatch(/^ {4}\(\d+\.\d\d\/100%\)\n$/);
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([143, null]);
  });
});
