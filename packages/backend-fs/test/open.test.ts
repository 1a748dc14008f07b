import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, dirname } from "node:path";
import { BackendRegistry, type OpenOptions } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { FsBackend, fsPlugin } from "../src/index.js";
import { tempDirectory } from "./temp.js";

const file = await tempDirectory();
const writing: OpenOptions = { write: true };

function failure(code: string, text = ""): unknown {
  return expect.objectContaining({ name: "BackendError", code, message: expect.stringContaining(text) });
}

describe("open", () => {
  it("of a missing file is ERR_NOT_FOUND, with the path and the cause", async () => {
    const path = await file("missing.img");
    const error = await FsBackend.open(path).catch((reason: unknown) => reason);
    expect(error).toEqual(failure("ERR_NOT_FOUND", `${path}: open failed: no such file or directory (ENOENT)`));
    expect(error).toHaveProperty("cause.code", "ENOENT");
    await expect(FsBackend.open(path, writing)).rejects.toEqual(failure("ERR_NOT_FOUND", path));
    await expect(FsBackend.open(`${path}/x`, { ...writing, create: "new" })).rejects.toEqual(failure("ERR_NOT_FOUND"));
    await expect(FsBackend.open("")).rejects.toEqual(failure("ERR_NOT_FOUND", "empty"));
  });

  it("with create: new makes a file, once", async () => {
    const path = await file("new.img");
    await (await FsBackend.open(path, { ...writing, create: "new" })).close();
    expect(await readFile(path, "utf8")).toBe("");
    await expect(FsBackend.open(path, { ...writing, create: "new" })).rejects.toEqual(failure("ERR_EXISTS", path));
    const link = await file("dangling.img");
    await symlink("/nowhere/at-all", link);
    await expect(FsBackend.open(link, { ...writing, create: "new" })).rejects.toEqual(failure("ERR_NOT_FOUND", link));
  });

  it("with create: new lets exactly one of many make the file", async () => {
    const path = await file("new.img");
    const opens = Array.from({ length: 8 }, () => FsBackend.open(path, { ...writing, create: "new" }));
    const open = (await Promise.allSettled(opens)).flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    expect(open).toHaveLength(1);
    await open[0]?.close();
  });

  it("with create: replace makes or empties a file", async () => {
    for (const path of [await file("old.img", "content"), await file("new.img")]) {
      const backend = await FsBackend.open(path, { ...writing, create: "replace" });
      expect(backend.size).toBe(0);
      await backend.write(Uint8Array.of(1), 2);
      await backend.sync();
      await backend.close();
      expect([...(await readFile(path))]).toEqual([0, 0, 1]);
    }
  });

  it("with create but without write is refused, and makes and empties nothing", async () => {
    const missing = await file("missing.img");
    const present = await file("disk.img", "content");
    await expect(FsBackend.open(missing, { create: "new" })).rejects.toEqual(failure("ERR_READ_ONLY"));
    await expect(FsBackend.open(present, { create: "replace" })).rejects.toEqual(failure("ERR_READ_ONLY"));
    expect(await readFile(present, "utf8")).toBe("content");
    expect(await readdir(dirname(missing))).not.toContain(basename(missing));
  });
});

describe("open at once refuses", () => {
  const create = { ...writing, create: "replace" } as const;

  async function refused(path: string, kind: string): Promise<void> {
    for (const options of [{}, writing, create]) {
      await expect(FsBackend.open(path, options)).rejects.toEqual(failure("ERR_UNSUPPORTED", `${path}: is a ${kind};`));
    }
  }

  it("a directory", async () => {
    const path = await file("directory");
    await mkdir(path);
    await refused(path, "directory");
  });

  it.skipIf(process.platform === "win32")("a FIFO that nobody else has open", async () => {
    const path = await file("fifo");
    execFileSync("mkfifo", [path]);
    await refused(path, "FIFO");
  });

  it.skipIf(process.platform === "win32")("a character device", async () => {
    await refused("/dev/zero", "character device");
  });

  it.skipIf(process.platform === "win32")("a socket", async () => {
    const path = await file("socket");
    const server = createServer().listen(path);
    await once(server, "listening");
    await refused(path, "socket");
    server.close();
  });
});

describe("locations", () => {
  it("may be file: URLs, percent-decoded", async () => {
    const path = await file("a b%20ü#?.img", "abc");
    const url = `file://${path.replace(/[%#? ü]/g, encodeURIComponent)}`;
    for (const location of [url, url.replace("file://", "FILE://localhost"), url.replace("file://", "file:")]) {
      const backend = await new BackendRegistry([fsPlugin()]).open(location);
      expect([backend.name, backend.size]).toEqual([path, 3]);
      await backend.close();
    }
  });

  it("are paths also where a directory's name looks like a scheme", async () => {
    const directory = await file("http:");
    await mkdir(directory);
    const backend = await new BackendRegistry([fsPlugin()]).open(`${directory}/x:y.img`, { ...writing, create: "new" });
    await backend.close();
    expect(await readdir(directory)).toEqual(["x:y.img"]);
  });

  const wrong: Record<string, string> = {
    "file:disk.img": "relative path as it is",
    "file://server/disk.img": "another host, server",
    "file:///disk.img?x": "%3F",
    "file:///disk.img#x": "%23",
    "file:///a%2Fb": "well-formed",
    "file:///a%ZZ": "well-formed",
    "file:///a%00b": "NUL",
    "a\0b": "NUL",
  };
  for (const [location, text] of Object.entries(wrong)) {
    it(`${JSON.stringify(location)} is refused`, async () => {
      await expect(FsBackend.open(location)).rejects.toEqual(failure("ERR_UNSUPPORTED", text));
    });
  }
});
