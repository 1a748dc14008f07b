import { expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

/** Writes that the system has, and holds until it is told. */
const held: (() => void)[] = [];

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const call = real.write as (...args: unknown[]) => void;
  return { ...real, write: (...args: unknown[]) => held.push(() => call(...args)) };
});

const file = await tempDirectory();
const LARGE = 131_072;

it("small writes of a file are with the system all at once", async () => {
  const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
  const writes = [0, 1, 2, 3].map((index) => backend.write(pattern(LARGE - 1), index * LARGE));
  await vi.waitFor(() => expect(held.length).toBe(4));
  for (const go of held.splice(0)) go();
  await Promise.all(writes);
  await backend.close();
});

it("two large writes of a file are with the system at once, the others follow in their order, and reads pass them", async () => {
  const path = await file("disk.img", pattern(8 * LARGE));
  const backend = await FsBackend.open(path, { write: true });
  const ended: number[] = [];
  const writes = [0, 1, 2, 3].map(async (index) => {
    await backend.write(pattern(LARGE), index * LARGE);
    ended.push(index);
  });
  await backend.read(new Uint8Array(4096), 0);
  expect([held.length, ended]).toEqual([2, []]);
  for (let index = 0; index < 4; index++) {
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0));
    held.shift()?.();
    await writes[index];
  }
  expect(ended).toEqual([0, 1, 2, 3]);
  await backend.close();
});

it("a write that fails lets the next one have its turn", async () => {
  const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
  const controller = new AbortController();
  const writes = [0, 1, 2].map((index) => backend.write(pattern(LARGE), index * LARGE, { signal: controller.signal }));
  const last = backend.write(pattern(LARGE), 10 * LARGE);
  controller.abort(new Error("enough"));
  for (let index = 0; index < 2; index++) held.shift()?.();
  await expect(writes[2]).rejects.toThrow("enough");
  await vi.waitFor(() => expect(held.length).toBe(1));
  held.shift()?.();
  await last;
  await Promise.allSettled(writes);
  expect(backend.size).toBe(11 * LARGE);
  await backend.close();
});
