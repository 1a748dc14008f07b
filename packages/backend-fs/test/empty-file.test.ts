import { type FileHandle, readFile } from "node:fs/promises";
import { beforeEach, expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { tempDirectory } from "./temp.js";

/** Sizes that the system was asked to cut files to. */
let truncated: (number | undefined)[] = [];

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open = async (path: string, flags?: string | number, mode?: number): Promise<FileHandle> => {
    const handle = await real.open(path, flags, mode);
    const truncate = handle.truncate.bind(handle);
    handle.truncate = (size) => {
      truncated.push(size);
      return truncate(size);
    };
    return handle;
  };
  return { ...real, open };
});

const file = await tempDirectory();

beforeEach(() => {
  truncated = [];
});

it("an empty file is not cut, which would make ext4 write out what follows when it is closed", async () => {
  const path = await file("disk.img", "");
  const backend = await FsBackend.open(path, { write: true, create: "replace" });
  await backend.truncate(0);
  await backend.truncate(4096);
  expect([backend.size, truncated]).toEqual([4096, [4096]]);
  await backend.close();
});

it("a file that is not empty is cut", async () => {
  const path = await file("disk.img", "abc");
  const backend = await FsBackend.open(path, { write: true });
  await backend.truncate(0);
  await backend.close();
  expect([truncated, await readFile(path, "utf8")]).toEqual([[0], ""]);
});
