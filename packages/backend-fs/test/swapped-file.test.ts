import { execFileSync } from "node:child_process";
import { type PathLike, type StatOptions } from "node:fs";
import { unlink } from "node:fs/promises";
import { expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { tempDirectory } from "./temp.js";

/** Runs after the file was looked at, and before it is opened. */
let afterLook: () => Promise<void> = async () => {};

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const stat = async (path: PathLike, options?: StatOptions): Promise<unknown> => {
    const stats = await real.stat(path, options);
    await afterLook();
    return stats;
  };
  return { ...real, stat };
});

const file = await tempDirectory();

it.skipIf(process.platform === "win32")(
  "a FIFO put in the file's place as it is opened is refused at once",
  async () => {
    const path = await file("disk.img", "abc");
    afterLook = async () => {
      await unlink(path);
      execFileSync("mkfifo", [path]);
      afterLook = async () => {};
    };
    const refused = expect.objectContaining({
      code: "ERR_UNSUPPORTED",
      message: `${path}: is a FIFO; only regular files and block devices can be opened`,
    });
    await expect(FsBackend.open(path)).rejects.toEqual(refused);
  },
);
