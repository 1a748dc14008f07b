import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fsError } from "../src/fs-error.js";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();
const MIB = 1_048_576;
const small = await file("small");
await mkdir(small);
const mounted = run("mount", "-t", "tmpfs", "-o", "size=4m", "none", small);
const needsMount = mounted ? "" : " (skipped: needs root, to mount a tmpfs)";

function run(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (mounted) run("umount", small);
});

describe.skipIf(!mounted)(`a file system of its own${needsMount}`, () => {
  it("that is full gives ERR_NO_SPACE, keeps what was there, and goes on once there is space", async () => {
    const hog = join(small, "hog");
    await writeFile(hog, new Uint8Array(2 * MIB));
    const backend = await FsBackend.open(join(small, "disk.img"), { write: true, create: "new" });
    await backend.write(pattern(MIB), 0);
    const full = expect.objectContaining({ code: "ERR_NO_SPACE", message: expect.stringContaining("(ENOSPC)") });
    await expect(backend.write(pattern(3 * MIB), MIB)).rejects.toEqual(full);
    expect(backend.size).toBe((await stat(join(small, "disk.img"))).size);
    const target = new Uint8Array(MIB);
    await backend.read(target, 0);
    expect(Buffer.compare(target, pattern(MIB))).toBe(0);
    await unlink(hog);
    await backend.write(pattern(2 * MIB), MIB);
    await backend.close();
    await unlink(join(small, "disk.img"));
  });

  it("that is read-only is ERR_READ_ONLY to writers, and no matter to readers", async () => {
    const path = join(small, "disk.img");
    await writeFile(path, "abc");
    run("mount", "-o", "remount,ro", small);
    try {
      const refused = expect.objectContaining({ code: "ERR_READ_ONLY", message: expect.stringContaining("(EROFS)") });
      await expect(FsBackend.open(path, { write: true })).rejects.toEqual(refused);
      await expect(FsBackend.open(`${path}2`, { write: true, create: "new" })).rejects.toEqual(refused);
      await (await FsBackend.open(path)).close();
    } finally {
      run("mount", "-o", "remount,rw", small);
    }
  });
});

const isRoot = process.getuid?.() === 0;
describe.skipIf(isRoot)(`permissions${isRoot ? " (skipped: root has all of them)" : ""}`, () => {
  it("that the file denies are ERR_PERMISSION", async () => {
    const path = await file("disk.img", "abc");
    await chmod(path, 0o444);
    const refused = expect.objectContaining({ code: "ERR_PERMISSION", message: expect.stringContaining(path) });
    await expect(FsBackend.open(path, { write: true })).rejects.toEqual(refused);
  });

  it("that the directory denies keep a writer from locking, and the error says so", async () => {
    const directory = await file("directory");
    await mkdir(directory);
    const path = join(directory, "disk.img");
    await writeFile(path, "abc");
    await chmod(directory, 0o555);
    const refused = { code: "ERR_PERMISSION", message: expect.stringContaining("disk.img.instar-lock failed") };
    await expect(FsBackend.open(path, { write: true })).rejects.toEqual(expect.objectContaining(refused));
    expect(await readFile(path, "utf8")).toBe("abc");
    await chmod(directory, 0o755);
  });
});

describe("an errno", () => {
  const meant: Record<string, string> = {
    ENOENT: "ERR_NOT_FOUND",
    ENOTDIR: "ERR_NOT_FOUND",
    EEXIST: "ERR_EXISTS",
    EACCES: "ERR_PERMISSION",
    EPERM: "ERR_PERMISSION",
    EROFS: "ERR_READ_ONLY",
    ENOSPC: "ERR_NO_SPACE",
    EDQUOT: "ERR_NO_SPACE",
    EFBIG: "ERR_NO_SPACE",
    EIO: "ERR_IO",
    EXDEV: "ERR_IO",
  };
  for (const [errno, code] of Object.entries(meant)) {
    it(`${errno} is ${code}, and not worth a retry`, () => {
      const cause = Object.assign(new Error(`${errno}: words, with, commas, write '/a, b'`), { code: errno });
      const error = fsError("/a, b", "write", cause);
      expect(error).toEqual(expect.objectContaining({ code, cause, retryable: false }));
      expect(error.message).toBe(`/a, b: write failed: words, with, commas (${errno})`);
    });
  }

  it("of a shortage that passes is worth a retry", () => {
    const cause = Object.assign(new Error("EMFILE: too many open files, open"), { code: "EMFILE" });
    expect(fsError("x", "open", cause)).toEqual(expect.objectContaining({ code: "ERR_IO", retryable: true }));
  });

  it("may be missing: whatever was thrown is the cause", () => {
    expect(fsError("x", "open", "odd")).toEqual(expect.objectContaining({ code: "ERR_IO", cause: "odd" }));
  });
});
