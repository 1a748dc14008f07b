import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { random, SEED } from "./disks.js";
import { BIN, instar, scratch } from "./harness.js";

/** Kills the program before one of its writes to a file, counted from 0. */
const KILLER = `data:text/javascript,${encodeURIComponent(`
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const { write } = fs;
  let left = Number(process.env.KILL_BEFORE);
  fs.write = (...args) => {
    if (left-- === 0) process.kill(process.pid, "SIGKILL");
    return write(...args);
  };
  syncBuiltinESMExports();
`)}`;
const TRIES = 3;

const at = scratch();
const disk = at("disk.qcow2");

async function good(...argv: string[]): Promise<string> {
  const { code, out, err } = await instar(argv);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

beforeAll(async () => {
  await good("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", at("base.qcow2"), "8M");
  await good("io", "-c", "write -q -P 1 0 8M", at("base.qcow2"));
  const options = ["-o", "cluster_size=4k", "-b", "base.qcow2", "-F", "qcow2"];
  await good("create", "-q", "-f", "qcow2", ...options, at("new.qcow2"));
  await good("io", "-c", "write -q -P 2 1M 4M", at("new.qcow2"));
  await good("snapshot", "-c", "old", at("new.qcow2"));
  await good("io", "-c", "write -q -P 3 2M 1M", "-c", "write -q -z 6M 1M", at("new.qcow2"));
  await good("bitmap", "--add", at("new.qcow2"), "changes");
});

/** What the disk holds, as far as it is known: each before and after. */
const SHOWN = [
  "read -q -P 1 0 1M",
  "read -q -P 2 1M 1M",
  "read -q -P 3 2M 1M",
  "read -q -P 2 3M 2M",
  "read -q -P 1 5M 1M",
  "read -q -P 0 6M 1M",
];

describe(`a command that is killed leaves a consistent image that shows what it did (INSTAR_SEED=${SEED})`, () => {
  const next = random(SEED);

  it.each([
    [["snapshot", "-c", "new", "FILE"]],
    [["snapshot", "-d", "old", "FILE"]],
    [["bitmap", "--add", "FILE", "more"]],
    [["bitmap", "--remove", "FILE", "changes"]],
    [["amend", "-o", "refcount_bits=64", "FILE"]],
    [["amend", "-o", "lazy_refcounts=on", "FILE"]],
    [["rebase", "-b", "", "FILE"]],
    [["commit", "FILE"]],
    [["resize", "FILE", "+1G"]],
  ])("%j", async (argv) => {
    const command = argv.map((word) => (word === "FILE" ? disk : word));
    copyFileSync(at("base.qcow2"), at("kept.qcow2"));
    for (let count = 0; count < TRIES; count++) {
      copyFileSync(at("new.qcow2"), disk);
      const before = count === 0 ? 0 : 1 + next(20);
      const env = { ...process.env, KILL_BEFORE: String(before) };
      const child = spawn(process.execPath, ["--import", KILLER, BIN, ...command], { stdio: "ignore", env });
      const [, signal] = await once(child, "exit");
      // Of few writes, the last may be over; every command makes one.
      if (count === 0) expect(signal).toBe("SIGKILL");
      // Clusters may have leaked.
      expect([0, 3], `before write ${before}`).toContain((await instar(["check", "-q", disk])).code);
      await good("io", "-r", ...SHOWN.flatMap((text) => ["-c", text]), disk);
      copyFileSync(at("kept.qcow2"), at("base.qcow2"));
    }
  });
});
