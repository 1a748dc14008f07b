import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { FsBackend } from "../src/index.js";
import { type LockOwner, thisProcess } from "../src/lock-owner.js";
import { Writer } from "./child.js";
import { tempDirectory } from "./temp.js";

const file = await tempDirectory();
const locked = expect.objectContaining({ name: "BackendError", code: "ERR_LOCKED" });

const machineId = (await readFile("/etc/machine-id", "utf8").catch(() => "")).trim();

/** Above every number that Linux gives to a process. */
const NOBODY = 2 ** 22 + 1;

async function lockFile(path: string, owner: Partial<LockOwner>): Promise<void> {
  const all = { token: "0123456789abcdef", ...(await thisProcess()), ...owner };
  await writeFile(`${path}.instar-lock`, JSON.stringify(all));
}

describe("the lock of a writer that was killed", () => {
  it("is taken over, with nothing left behind", async () => {
    const path = await file("disk.img", "abc");
    const child = await Writer.start(path);
    expect(await child.open()).toBe("open");
    await expect(FsBackend.open(path, { write: true })).rejects.toEqual(locked);
    await child.kill();
    const writer = await FsBackend.open(path, { write: true });
    await expect(FsBackend.open(path)).rejects.toEqual(locked);
    await writer.close();
    expect((await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`))).toEqual([]);
  });

  it("does not keep a reader out, who leaves it where it is", async () => {
    const path = await file("disk.img", "abc");
    await lockFile(path, { pid: NOBODY });
    const reader = await FsBackend.open(path);
    await reader.close();
    expect(await readFile(`${path}.instar-lock`, "utf8")).toContain("0123456789abcdef");
  });

  it("goes to exactly one of several processes that want it at once", async () => {
    const path = await file("disk.img", "abc");
    for (let round = 0; round < 4; round++) {
      await lockFile(path, { pid: NOBODY, token: `${round}`.padStart(16, "0") });
      const children = await Promise.all(Array.from({ length: 4 }, () => Writer.start(path)));
      const results = await Promise.all(children.map((child) => child.open()));
      expect(results.toSorted()).toEqual(["ERR_LOCKED", "ERR_LOCKED", "ERR_LOCKED", "open"]);
      await Promise.all(children.map((child) => child.kill()));
    }
  }, 60_000);

  it("goes to exactly one of many that want it at once in one process", async () => {
    for (let round = 0; round < 30; round++) {
      const path = await file("disk.img", "abc");
      await lockFile(path, { pid: NOBODY });
      const opens = Array.from({ length: 12 }, () => FsBackend.open(path, { write: true }));
      const open = (await Promise.allSettled(opens)).flatMap((each) => (each.status === "fulfilled" ? each.value : []));
      expect(open).toHaveLength(1);
      await open[0]?.close();
    }
  }, 60_000);

  it("is taken over although who was taking it over was killed too", async () => {
    const path = await file("disk.img", "abc");
    await lockFile(path, { pid: NOBODY });
    const claim = { ...(await thisProcess()), token: "f".repeat(16), pid: NOBODY };
    await writeFile(`${path}.instar-lock.0123456789abcdef`, JSON.stringify(claim));
    const writer = await FsBackend.open(path, { write: true });
    await writer.close();
    expect((await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`))).toEqual([]);
  });
});

describe("a lock is taken over", () => {
  const linux = process.platform === "linux";

  it.skipIf(!linux)("when its process number belongs to another process by now", async () => {
    const path = await file("disk.img", "abc");
    await lockFile(path, { started: "1" });
    await (await FsBackend.open(path, { write: true })).close();
  });

  it.skipIf(machineId === "")("when the machine has been started again (skipped: no /etc/machine-id)", async () => {
    const path = await file("disk.img", "abc");
    await lockFile(path, { boot: "another" });
    await (await FsBackend.open(path, { write: true })).close();
  });

  const doubts: Record<string, Partial<LockOwner>> = {
    "from another host": { pid: NOBODY, host: "elsewhere 0123 pid:[4026531836]" },
    "when the owner did not know when it was started": { started: "" },
    "when it is not known which run of the machine it is from": { pid: NOBODY, boot: "" },
  };
  for (const [name, owner] of Object.entries(doubts)) {
    it.skipIf(!linux)(`never ${name}`, async () => {
      const path = await file("disk.img", "abc");
      await lockFile(path, owner);
      await expect(FsBackend.open(path, { write: true })).rejects.toEqual(locked);
      await expect(FsBackend.open(path)).rejects.toEqual(locked);
    });
  }
});
