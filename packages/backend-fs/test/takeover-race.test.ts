import { writeFile } from "node:fs/promises";
import { afterEach, expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { thisProcess } from "../src/lock-owner.js";
import { tempDirectory } from "./temp.js";

/** Runs before each removal of a lock file. */
let beforeRemoval: (path: string) => Promise<void> = async () => {};

vi.mock("../src/lock-file.js", async (original) => {
  const real = await original<typeof import("../src/lock-file.js")>();
  const removeFile = async (path: string): Promise<void> => {
    await beforeRemoval(path);
    return real.removeFile(path);
  };
  return { ...real, removeFile };
});

const file = await tempDirectory();

afterEach(() => {
  beforeRemoval = async () => {};
});

it("a taker who is held up before it removes a stale lock removes no lock that another has taken meanwhile", async () => {
  const path = await file("disk.img", "abc");
  const stale = { ...(await thisProcess()), token: "0123456789abcdef", pid: 2 ** 22 + 1 };
  await writeFile(`${path}.instar-lock`, JSON.stringify(stale));
  const opens: Promise<FsBackend>[] = [];
  beforeRemoval = async (removed) => {
    if (removed !== `${path}.instar-lock` || opens.length > 1) return;
    const second = FsBackend.open(path, { write: true });
    opens.push(second);
    await second.catch(() => undefined);
  };
  opens.push(FsBackend.open(path, { write: true }));
  await opens[0]?.catch(() => undefined);
  const settled = await Promise.allSettled(opens);
  beforeRemoval = async () => {};
  expect(settled).toHaveLength(2);
  const open = settled.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  expect(open).toHaveLength(1);
  await open[0]?.close();
});
