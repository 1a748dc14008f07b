import { type FileHandle, stat } from "node:fs/promises";
import { beforeEach, expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

/** What a call waits for between having been done by the system and being reported. */
let writeReported: Promise<void> = Promise.resolve();
let truncateReported: Promise<void> = Promise.resolve();

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const call = real.write as (...args: unknown[]) => void;
  const held = async (...args: unknown[]): Promise<void> => {
    const settled = args.pop() as (error: Error | null, count: number) => void;
    const done = await new Promise<[Error | null, number]>((resolve) => {
      call(...args, (error: Error | null, count: number) => resolve([error, count]));
    });
    await writeReported;
    settled(...done);
  };
  return { ...real, write: held };
});

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open = async (path: string, flags?: string | number, mode?: number): Promise<FileHandle> => {
    const handle = await real.open(path, flags, mode);
    const truncate = handle.truncate.bind(handle);
    handle.truncate = async (size) => {
      await truncate(size);
      await truncateReported;
    };
    return handle;
  };
  return { ...real, open };
});

const file = await tempDirectory();

beforeEach(() => {
  writeReported = Promise.resolve();
  truncateReported = Promise.resolve();
});

/** Until the file at a path has a size. */
async function untilSize(path: string, size: number): Promise<void> {
  await vi.waitFor(async () => expect((await stat(path)).size).toBe(size));
}

it("a truncate waits for the writes under way, so that the size is that of the file", async () => {
  const path = await file("disk.img", "");
  const backend = await FsBackend.open(path, { write: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  writeReported = promise;
  const write = backend.write(pattern(200), 0);
  await untilSize(path, 200);
  const truncate = backend.truncate(100);
  // Enough for a truncate that does not wait.
  await Promise.race([truncate, backend.read(new Uint8Array(0), 0).then(() => stat(path))]);
  resolve();
  await Promise.all([write, truncate]);
  expect([backend.size, (await stat(path)).size]).toEqual([100, 100]);
  await backend.close();
});

it("a write waits for a truncate under way, so that the size is that of the file", async () => {
  const path = await file("disk.img", pattern(500));
  const backend = await FsBackend.open(path, { write: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  truncateReported = promise;
  const truncate = backend.truncate(100);
  await untilSize(path, 100);
  const write = backend.write(pattern(200), 0);
  await stat(path);
  resolve();
  await Promise.all([write, truncate]);
  expect([backend.size, (await stat(path)).size]).toEqual([200, 200]);
  await backend.close();
});

it("a read of what a truncate under way cuts off is ERR_RANGE, and blames nobody else", async () => {
  const path = await file("disk.img", pattern(500));
  const backend = await FsBackend.open(path, { write: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  truncateReported = promise;
  const truncate = backend.truncate(100);
  await untilSize(path, 100);
  const range = expect.objectContaining({ code: "ERR_RANGE" });
  await expect(backend.read(new Uint8Array(200), 0)).rejects.toEqual(range);
  resolve();
  await truncate;
  await backend.close();
});
