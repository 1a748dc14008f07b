import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();
const inUse = expect.objectContaining({ code: "ERR_LOCKED", message: expect.stringContaining("in use by QEMU") });

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
});

function works(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return existsSync("/proc/locks");
  } catch {
    return false;
  }
}

/** Holds an image open in qemu-io, which says so by answering a command. */
async function hold(...args: string[]): Promise<void> {
  const child = spawn("qemu-io", args, { stdio: ["pipe", "pipe", "inherit"] });
  running.push(child);
  child.stdin.write("length\n");
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (/\d [KM]iB/.test(said)) return;
  }
  throw new Error(`qemu-io ended: ${said}`);
}

const ready = works("qemu-io");
const needs = ready ? "" : " (skipped: needs qemu-io of the Debian package qemu-utils, and /proc/locks)";

describe.skipIf(!ready)(`a file that QEMU has open for writing${needs}`, () => {
  it("is refused to writers, which change nothing, and to readers", async () => {
    const path = await file("disk.img", pattern(65_536));
    await hold("-f", "raw", path);
    await expect(FsBackend.open(path, { write: true })).rejects.toEqual(inUse);
    await expect(FsBackend.open(path, { write: true, create: "replace" })).rejects.toEqual(inUse);
    await expect(FsBackend.open(path)).rejects.toEqual(inUse);
    expect(new Uint8Array(await readFile(path))).toEqual(pattern(65_536));
  });

  it("is open to a reader that passes lock: false", async () => {
    const path = await file("disk.img", pattern(65_536));
    await hold("-f", "raw", path);
    const reader = await FsBackend.open(path, { lock: false });
    await reader.close();
  });

  it("does not stand in the way of other files", async () => {
    await hold("-f", "raw", await file("disk.img", pattern(65_536)));
    const other = await FsBackend.open(await file("other.img", "abc"), { write: true });
    await other.close();
  });
});

describe.skipIf(!ready)(`a file that QEMU has open for reading${needs}`, () => {
  it("is open to readers", async () => {
    const path = await file("disk.img", pattern(65_536));
    await hold("-r", "-f", "raw", path);
    const reader = await FsBackend.open(path);
    await reader.close();
  });
});
