import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BackendRegistry, isBackendError } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { FsBackend, fsPlugin } from "../src/index.js";
import { thisProcess } from "../src/lock-owner.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();
const locked = expect.objectContaining({ name: "BackendError", code: "ERR_LOCKED" });

/** What stands in the directory of a path because of it. */
async function traces(path: string): Promise<string[]> {
  return (await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`));
}

describe("the lock of a writer", () => {
  it("refuses a second writer, and leaves the first one working", async () => {
    const path = await file("disk.img", "abc");
    const first = await FsBackend.open(path, { write: true });
    await expect(FsBackend.open(path, { write: true })).rejects.toThrow(`process ${process.pid} `);
    await expect(FsBackend.open(path, { write: true })).rejects.toEqual(locked);
    await first.write(pattern(3), 0);
    await first.close();
  });

  it("refuses a reader, unless it passes lock: false", async () => {
    const path = await file("disk.img", "abc");
    const writer = await FsBackend.open(path, { write: true });
    await expect(FsBackend.open(path)).rejects.toEqual(locked);
    const reader = await FsBackend.open(path, { lock: false });
    expect(reader.size).toBe(3);
    await reader.close();
    await writer.close();
  });

  it("is not needed by readers, and a writer may come while they read", async () => {
    const path = await file("disk.img", "abc");
    const readers = [await FsBackend.open(path), await FsBackend.open(path)];
    const writer = await FsBackend.open(path, { write: true });
    await Promise.all([...readers, writer].map((backend) => backend.close()));
  });

  it("is one lock by whichever symbolic link, spelling or URL the file is reached", async () => {
    const path = await file("disk.img", "abc");
    const link = await file("link.img");
    await symlink(path, link);
    const linkedDirectory = await file("linked");
    await symlink(dirname(path), linkedDirectory);
    const writer = await FsBackend.open(link, { write: true });
    const others = [
      path,
      link,
      join(linkedDirectory, basename(path)),
      `file://${path}`,
      `${dirname(path)}//${basename(path)}`,
    ];
    for (const other of others) await expect(FsBackend.open(other, { write: true })).rejects.toEqual(locked);
    await writer.close();
  });

  it("ends with close, and leaves nothing behind", async () => {
    const path = await file("disk.img", "abc");
    for (let round = 0; round < 3; round++) {
      const writer = await new BackendRegistry([fsPlugin()]).open(path, { write: true });
      expect(await traces(path)).toEqual([`${basename(path)}.instar-lock`]);
      await writer.close();
      expect(await traces(path)).toEqual([]);
    }
  });

  it("keeps a file from being emptied by create: replace", async () => {
    const path = await file("disk.img", "precious");
    const writer = await FsBackend.open(path, { write: true });
    await expect(FsBackend.open(path, { write: true, create: "replace" })).rejects.toEqual(locked);
    expect(await readFile(path, "utf8")).toBe("precious");
    await writer.close();
  });

  it("is not left behind by an open that fails", async () => {
    const path = await file("missing.img");
    const directory = await file("directory");
    await mkdir(directory);
    await expect(FsBackend.open(path, { write: true })).rejects.toThrow("no such file");
    await expect(FsBackend.open(directory, { write: true })).rejects.toThrow("is a directory");
    const present = await file("disk.img", "abc");
    await expect(FsBackend.open(present, { write: true, create: "new" })).rejects.toThrow("already");
    const aborted = { write: true, create: "new", signal: AbortSignal.abort(new Error("enough")) } as const;
    await expect(FsBackend.open(path, aborted)).rejects.toThrow("enough");
    for (const each of [path, directory, present]) expect(await traces(each)).toEqual([]);
  });

  it("cannot be done without", async () => {
    const path = await file("disk.img", "abc");
    const open = FsBackend.open(path, { write: true, lock: false });
    await expect(open).rejects.toEqual(expect.objectContaining({ code: "ERR_UNSUPPORTED" }));
  });

  it("that was deleted by hand and taken by another is not taken away from that one", async () => {
    const path = await file("disk.img", "abc");
    const writer = await FsBackend.open(path, { write: true });
    const other = JSON.stringify({ token: "0123456789abcdef", ...(await thisProcess()) });
    await writeFile(`${path}.instar-lock`, other);
    await writer.close();
    expect(await readFile(`${path}.instar-lock`, "utf8")).toBe(other);
  });
});

describe("a lock file", () => {
  const cases: Record<string, (path: string) => Promise<void>> = {
    "that is empty": (path) => writeFile(path, ""),
    "that is no JSON": (path) => writeFile(path, "hello"),
    "that names nobody": (path) => writeFile(path, "{}"),
    "whose token would lead elsewhere": async (path) =>
      writeFile(path, JSON.stringify({ ...(await thisProcess()), pid: 2 ** 22 + 1, token: "../../etc/passwd" })),
    "that is a directory": (path) => mkdir(path).then(() => undefined),
    "that is a symbolic link": (path) => symlink("/nowhere", path),
  };
  for (const [name, make] of Object.entries(cases)) {
    it(`${name} counts as held, and is named in the error`, async () => {
      const path = await file("disk.img", "abc");
      await make(`${path}.instar-lock`);
      for (const write of [true, false]) {
        const error = await FsBackend.open(path, { write }).catch((reason: unknown) => reason);
        expect(isBackendError(error, "ERR_LOCKED") && error.message).toContain(`delete ${path}.instar-lock`);
      }
    });
  }
});
