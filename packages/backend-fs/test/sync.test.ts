import { type FileHandle } from "node:fs/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

/** What was asked of which open file, and with what the next such calls fail. */
let calls: string[] = [];
let failures: Record<string, string[]> = {};

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open = async (path: string, flags?: string | number, mode?: number): Promise<FileHandle> => {
    const handle = await real.open(path, flags, mode);
    if (path.includes(".instar-lock")) return handle;
    const what = (await handle.stat()).isDirectory() ? "directory" : "file";
    for (const name of ["sync", "datasync"] as const) {
      const call = handle[name].bind(handle);
      handle[name] = async () => {
        calls.push(`${what} ${name}`);
        const errno = failures[`${what} ${name}`]?.shift();
        if (errno !== undefined) throw Object.assign(new Error(`${errno}: planned, ${name}`), { code: errno });
        await call();
      };
    }
    return handle;
  };
  return { ...real, open };
});

const file = await tempDirectory();

beforeEach(() => {
  calls = [];
  failures = {};
});

async function syncCalls(backend: FsBackend): Promise<string[]> {
  calls = [];
  await backend.sync();
  return calls;
}

describe("sync", () => {
  it("is fsync after a change of size, else fdatasync", async () => {
    const backend = await FsBackend.open(await file("disk.img", pattern(1000)), { write: true });
    await backend.sync();
    await backend.write(pattern(10), 990);
    expect(await syncCalls(backend)).toEqual(["file datasync"]);
    await backend.write(pattern(11), 990);
    expect(await syncCalls(backend)).toEqual(["file sync"]);
    expect(await syncCalls(backend)).toEqual(["file datasync"]);
    await backend.truncate(500);
    expect(await syncCalls(backend)).toEqual(["file sync"]);
    await backend.close();
  });

  it("makes the name of a new file durable, once", async () => {
    const backend = await FsBackend.open(await file("disk.img"), { write: true, create: "new" });
    expect(await syncCalls(backend)).toEqual(["file sync", "directory sync"]);
    expect(await syncCalls(backend)).toEqual(["file datasync"]);
    await backend.close();
  });

  it("that fails is ERR_IO, and the next one does all that it had to do", async () => {
    const backend = await FsBackend.open(await file("disk.img"), { write: true, create: "new" });
    failures = { "file sync": ["EIO"], "directory sync": ["EIO"] };
    const broken = expect.objectContaining({ code: "ERR_IO", message: `${backend.name}: sync failed: planned (EIO)` });
    await expect(backend.sync()).rejects.toEqual(broken);
    await expect(backend.sync()).rejects.toEqual(broken);
    expect(await syncCalls(backend)).toEqual(["file datasync", "directory sync"]);
    await backend.close();
  });

  it("beside one that fails still does what that one owed", async () => {
    const backend = await FsBackend.open(await file("disk.img", "abc"), { write: true });
    failures = { "file sync": ["EIO"] };
    const results = await Promise.allSettled([backend.sync(), backend.sync()]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(calls).toEqual(["file sync", "file sync"]);
    await backend.close();
  });

  it("works where the file system cannot sync directories", async () => {
    const backend = await FsBackend.open(await file("disk.img"), { write: true, create: "new" });
    failures = { "directory sync": ["EINVAL"] };
    expect(await syncCalls(backend)).toEqual(["file sync", "directory sync"]);
    await backend.close();
  });
});
