import { read, write } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

/** What the system does with a call: bytes it moves at most, or the errno it fails with. Used up from the front. */
let plan: (number | string)[] = [];

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  type Settled = (error: Error | null, count: number) => void;
  const planned =
    (call: typeof read | typeof write) =>
    (fd: number, bytes: Uint8Array, start: number, length: number, position: number, settled: Settled): void => {
      const next = plan.shift() ?? length;
      if (typeof next === "string") settled(Object.assign(new Error(`${next}: planned`), { code: next }), 0);
      else if (next === 0) settled(null, 0);
      else (call as typeof read)(fd, bytes, start, Math.min(next, length), position, settled);
    };
  return { ...real, read: planned(real.read), write: planned(real.write) };
});

const file = await tempDirectory();

beforeEach(() => {
  plan = [];
});

describe("a read", () => {
  it("goes on where the system stopped short or was interrupted", async () => {
    const backend = await FsBackend.open(await file("disk.img", pattern(1000)));
    plan = [1, "EINTR", 500, "EINTR", "EINTR", 3];
    const target = new Uint8Array(900);
    await backend.read(target, 100);
    expect(target).toEqual(pattern(1000).subarray(100));
    expect(plan).toEqual([]);
    await backend.close();
  });

  it("that the device fails is ERR_IO, with range and cause; after EAGAIN a retry makes sense", async () => {
    const backend = await FsBackend.open(await file("disk.img", pattern(1000)));
    for (const [errno, retryable] of [
      ["EIO", false],
      ["EAGAIN", true],
    ] as const) {
      plan = [100, errno];
      const error: unknown = await backend.read(new Uint8Array(900), 50).catch((reason: unknown) => reason);
      expect(error).toEqual(expect.objectContaining({ code: "ERR_IO", retryable }));
      expect(error).toHaveProperty("message", `${backend.name}: read of 900 bytes at 50 failed: planned (${errno})`);
      expect(error).toHaveProperty("cause.code", errno);
    }
    await backend.close();
  });
});

describe("a write", () => {
  it("goes on where the system stopped short or was interrupted", async () => {
    const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
    plan = ["EINTR", 7, 300, "EINTR"];
    await backend.write(pattern(900), 100);
    expect([plan, backend.size]).toEqual([[], 1000]);
    const target = new Uint8Array(900);
    await backend.read(target, 100);
    expect(target).toEqual(pattern(900));
    await backend.close();
  });

  it("of which the system takes nothing is ERR_IO, not an endless loop", async () => {
    const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
    plan = [10, 0];
    await expect(backend.write(pattern(900), 0)).rejects.toThrow("took 10 bytes and gave no reason");
    await backend.close();
  });

  it("that fails half-way leaves the size at what it has grown the file to", async () => {
    const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
    plan = [300, "ENOSPC"];
    const full = expect.objectContaining({ code: "ERR_NO_SPACE" });
    await expect(backend.write(pattern(900), 100)).rejects.toEqual(full);
    expect(backend.size).toBe(400);
    await backend.close();
  });
});
