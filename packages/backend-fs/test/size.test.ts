import { stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();

/** A generator of numbers from 0 up to `below` (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe("the size", () => {
  it("is the largest end of writes that grow the file side by side", async () => {
    const path = await file("disk.img", "");
    const backend = await FsBackend.open(path, { write: true });
    const ends = Array.from({ length: 64 }, (_, index) => ((index * 37) % 64) * 1000);
    await Promise.all(ends.map((offset) => backend.write(pattern(1000), offset)));
    expect(backend.size).toBe(64_000);
    const target = new Uint8Array(64_000);
    await backend.read(target, 0);
    expect(target.includes(0)).toBe(false);
    await backend.close();
  });

  const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  it(`is that of the file after truncates and writes at once (INSTAR_SEED=${seed})`, async () => {
    const below = random(seed);
    const path = await file("disk.img", pattern(5000));
    const backend = await FsBackend.open(path, { write: true });
    for (let round = 0; round < 150; round++) {
      const calls = Array.from({ length: 2 + below(8) }, () =>
        below(3) === 0 ? backend.truncate(below(20_000)) : backend.write(pattern(1 + below(4000)), below(20_000)),
      );
      await Promise.all(calls);
      expect(backend.size).toBe((await stat(path)).size);
    }
    await backend.close();
  });

  it("is unchanged by a truncate that fails", async () => {
    const backend = await FsBackend.open(await file("disk.img", pattern(5000)), { write: true });
    await expect(backend.truncate(2 ** 53 - 1)).rejects.toEqual(expect.objectContaining({ name: "BackendError" }));
    expect(backend.size).toBe(5000);
    await backend.read(new Uint8Array(5000), 0);
    await backend.close();
  });
});

describe("far offsets", () => {
  it("beyond 4 GiB are where they say they are", async () => {
    const backend = await FsBackend.open(await file("disk.img"), { write: true, create: "new" });
    const offsets = [0, 2 ** 31 - 500, 2 ** 32 - 500, 2 ** 32 + 2 ** 31 - 500, 2 ** 40 - 500];
    for (const [index, offset] of offsets.entries()) await backend.write(pattern(1000, index), offset);
    expect(backend.size).toBe(2 ** 40 + 500);
    for (const [index, offset] of offsets.entries()) {
      const target = new Uint8Array(1000);
      await backend.read(target, offset);
      expect(target).toEqual(pattern(1000, index));
    }
    const zeroes = new Uint8Array(4096).fill(9);
    await backend.read(zeroes, 2 ** 33);
    expect(zeroes.every((byte) => byte === 0)).toBe(true);
    await backend.close();
  });

  it("that the file system cannot have are ERR_NO_SPACE", async () => {
    const backend = await FsBackend.open(await file("disk.img"), { write: true, create: "new" });
    const refused = expect.objectContaining({ code: "ERR_NO_SPACE" });
    await expect(backend.write(pattern(10), 2 ** 53 - 100)).rejects.toEqual(refused);
    expect(backend.size).toBe(0);
    await backend.close();
  });
});
