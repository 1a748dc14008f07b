import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { BIN, instar, type Outcome, scratch } from "./harness.js";
import { type ObjectStore, objectStore } from "./object-store.js";

const at = scratch();
let store: ObjectStore;
const MIB = 1_048_576;
const run = (...argv: string[]): Promise<Outcome> => instar(argv, { env: store.env });

beforeAll(async () => {
  store = await objectStore();
  writeDisk(at("old.raw"), 7 * MIB, SEED);
  writeDisk(at("new.raw"), 12 * MIB, SEED + 1);
});

/** The name of the disk that an object is. */
async function diskIn(key: string): Promise<string> {
  if (!(await store.exists(key))) return "none";
  await store.download(key, at("found"));
  const found = readFileSync(at("found"));
  return ["old.raw", "new.raw"].find((name) => found.equals(readFileSync(at(name)))) ?? "another";
}

describe("an object that is there", () => {
  it.each([["convert"], ["dd"]])("is replaced by %s", async (command) => {
    await store.upload(command, at("old.raw"));
    const url = store.url(command);
    const argv = command === "dd" ? [`if=${at("new.raw")}`, `of=${url}`] : [at("new.raw"), url];
    expect(await run(command, "-f", "raw", "-O", "raw", ...argv)).toMatchObject({ code: 0 });
    expect(await diskIn(command)).toBe("new.raw");
  });

  it("is replaced by an image of any format, compressed too", async () => {
    await store.upload("any", at("old.raw"));
    const url = store.url("any");
    for (const how of [
      ["-O", "qcow2"],
      ["-O", "qcow2", "-c"],
      ["-O", "raw"],
    ]) {
      expect(await run("convert", "-f", "raw", ...how, at("new.raw"), url)).toMatchObject({ code: 0, err: "" });
      const format = how[1] ?? "";
      expect((await run("compare", "-f", format, "-F", "raw", url, at("new.raw"))).out).toBe("Images are identical.\n");
    }
    expect(await diskIn("any")).toBe("new.raw");
  });
});

it("what memory has no room for goes into a file in TMPDIR", async () => {
  writeFileSync(at("large.raw"), Buffer.alloc(66 * MIB, "abcdefg"));
  const argv = ["convert", "-f", "raw", "-O", "raw", at("large.raw"), store.url("large")];
  const into = (folder: string) => instar(argv, { env: { ...store.env, TMPDIR: folder } });
  const { code, err } = await into(at("missing"));
  expect([code, err]).toEqual([1, expect.stringContaining(at("missing"))]);
  expect(await store.exists("large")).toBe(false);
  mkdirSync(at("spill"));
  expect(await into(at("spill"))).toMatchObject({ code: 0, err: "" });
  expect(readdirSync(at("spill"))).toEqual([]);
  await store.download("large", at("found"));
  expect(readFileSync(at("found")).equals(readFileSync(at("large.raw")))).toBe(true);
});

describe("a copy that is stopped half way", () => {
  it.each([
    ["SIGTERM", "none"],
    ["SIGKILL", "none"],
    ["SIGTERM", "old.raw"],
    ["SIGKILL", "old.raw"],
  ] as const)("by %s leaves what was there: %s", async (signal, before) => {
    const key = `${signal}-${before}`;
    if (before !== "none") await store.upload(key, at(before));
    const argv = ["convert", "-p", "-r", "1M", "-f", "raw", "-O", "raw", at("new.raw"), store.url(key)];
    const child = spawn(process.execPath, [BIN, ...argv], { env: { ...process.env, ...store.env } });
    const ended = once(child, "exit");
    let text = "";
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (/\([1-9]/.test(text)) break;
    }
    child.kill(signal);
    await ended;
    expect(await diskIn(key)).toBe(before);
  });
});

it("of two that write the first to end is the one whose disk is there, and the other is told so", async () => {
  await store.upload("two", at("old.raw"));
  const url = store.url("two");
  let second: Outcome | undefined;
  async function* lines(): AsyncGenerator<string> {
    yield "write -q -P 1 0 4k\n";
    second = await run("io", "-f", "raw", "-c", "write -q -P 2 1M 4k", url);
    yield "flush\nread -P 1 0 4k\n";
  }
  const first = await instar(["io", "-f", "raw", url], { env: store.env, stdin: lines() });
  expect(second).toMatchObject({ code: 0, err: "" });
  expect(first.code).toBe(1);
  expect(first.err).toContain("somebody else has published another version since it was opened; nothing was published");
  expect(first.out).toContain("read 4096/4096 bytes at offset 0");
  const reads = ["-c", "read -q -P 2 1M 4k", "-c", "read -P 1 0 4k"];
  expect((await run("io", "-r", "-f", "raw", ...reads, url)).out).toContain("Pattern verification failed");
});
