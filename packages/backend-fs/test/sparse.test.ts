import { stat, truncate } from "node:fs/promises";
import { type Extent } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { FsBackend, linuxSparseCalls, type SparseCalls } from "../src/index.js";
import { needsKoffi, sparseCalls } from "./koffi.js";
import { pattern, tempDirectory } from "./temp.js";

const file = await tempDirectory();
const MIB = 1_048_576;

async function list(extents: AsyncIterable<Extent>): Promise<string[]> {
  const found: string[] = [];
  for await (const { offset, length, kind } of extents) found.push(`${kind} ${offset}+${length}`);
  return found;
}

describe.skipIf(!sparseCalls)(`a sparse file${needsKoffi}`, () => {
  const how = { write: true, create: "new", sparse: sparseCalls } as const;

  it("tells data from holes, also where data was just written and not synced", async () => {
    const backend = await FsBackend.open(await file("disk.img"), how);
    await backend.truncate(2 ** 43);
    await backend.write(pattern(MIB), 2 ** 42);
    expect(await list(backend.extents(0, 2 ** 43))).toEqual([
      `hole 0+${2 ** 42}`,
      `data ${2 ** 42}+${MIB}`,
      `hole ${2 ** 42 + MIB}+${2 ** 42 - MIB}`,
    ]);
    expect(await list(backend.extents(2 ** 42 + 10, 20))).toEqual([`data ${2 ** 42 + 10}+20`]);
    expect(await list(backend.extents(100, 20))).toEqual(["hole 100+20"]);
    await backend.close();
  });

  it("frees what is discarded and what is zeroed, and nothing beside it", async () => {
    const path = await file("disk.img");
    const backend = await FsBackend.open(path, how);
    await backend.write(pattern(4 * MIB), 0);
    await backend.sync();
    const full = (await stat(path)).blocks;
    await backend.discard(MIB + 1, MIB);
    await backend.writeZeroes(3 * MIB, MIB);
    await backend.sync();
    expect((await stat(path)).blocks).toBeLessThan(full * 0.6);
    const expected = pattern(4 * MIB)
      .fill(0, MIB + 1, 2 * MIB + 1)
      .fill(0, 3 * MIB);
    const target = new Uint8Array(4 * MIB);
    await backend.read(target, 0);
    expect(Buffer.compare(target, expected)).toBe(0);
    expect(backend.size).toBe(4 * MIB);
    await backend.close();
  });

  it("has space set aside that is neither data nor taken from what was there", async () => {
    const path = await file("disk.img");
    const backend = await FsBackend.open(path, how);
    await backend.write(pattern(100), 0);
    await backend.truncate(MIB);
    await backend.allocate(10, 4 * MIB);
    expect(backend.size).toBe(4 * MIB + 10);
    await backend.sync();
    const { blocks, size } = await stat(path);
    expect(size).toBe(backend.size);
    expect(blocks * 512).toBeGreaterThanOrEqual(4 * MIB);
    const target = new Uint8Array(backend.size);
    await backend.read(target, 0);
    const expected = new Uint8Array(backend.size);
    expected.set(pattern(100));
    expect(Buffer.compare(target, expected)).toBe(0);
    await backend.close();
  });

  it("knows how long it is after space could be set aside in part only", async () => {
    const path = await file("disk.img");
    const calls = sparseCalls;
    const sparse = calls && {
      ...calls,
      async allocate(fd: number, offset: number) {
        await calls.allocate(fd, offset, 5000);
        throw Object.assign(new Error("ENOSPC: planned"), { code: "ENOSPC" });
      },
    };
    const backend = await FsBackend.open(path, { ...how, sparse });
    await backend.write(pattern(MIB), 0);
    await expect(backend.allocate(MIB, MIB)).rejects.toEqual(expect.objectContaining({ code: "ERR_NO_SPACE" }));
    expect(backend.size).toBe(MIB + 5000);
    await backend.close();
  });

  it("that somebody else has truncated has no hole where its end was, but is ERR_CHANGED", async () => {
    const path = await file("disk.img", pattern(2 * MIB));
    const backend = await FsBackend.open(path, { sparse: sparseCalls });
    await truncate(path, MIB);
    const changed = expect.objectContaining({ code: "ERR_CHANGED" });
    await expect(list(backend.extents(0, 2 * MIB))).rejects.toEqual(changed);
    await backend.close();
  });

  it("on a file system that cannot punch holes has no discard, writeZeroes and allocate in its manifest", async () => {
    const refusal = Object.assign(new Error("EOPNOTSUPP: planned"), { code: "EOPNOTSUPP" });
    const sparse = sparseCalls && { ...sparseCalls, punchHole: () => Promise.reject(refusal) };
    const backend = await FsBackend.open(await file("disk.img", "abc"), { write: true, sparse });
    expect(backend.capabilities).toEqual(
      expect.objectContaining({ extents: true, discard: false, writeZeroes: false, allocate: false }),
    );
    await backend.close();
  });
});

describe("calls for sparse files", () => {
  it("are refused where the C library lacks them", () => {
    const koffi = {
      errno: () => 0,
      load: () => ({
        func: () => {
          throw new Error("no such function");
        },
      }),
    };
    const refused = expect.objectContaining({ name: "BackendError", code: "ERR_UNSUPPORTED" });
    expect(() => linuxSparseCalls(koffi)).toThrow(refused);
  });

  const onLinux = it.skipIf(process.platform !== "linux" || process.arch !== "x64");

  /** Calls that answer with results one after the other: a number, or the errno of a failure. */
  function callsThatAnswer(...results: (number | { readonly errno: number })[]): SparseCalls {
    let errno = 0;
    const answer = (): number => {
      const result = results.shift() ?? 0;
      if (typeof result === "number") return result;
      ({ errno } = result);
      return -1;
    };
    const async = (...args: readonly unknown[]): void =>
      (args.at(-1) as (error: null, result: number) => void)(null, answer());
    return linuxSparseCalls({ errno: () => errno, load: () => ({ func: () => Object.assign(answer, { async }) }) });
  }

  onLinux("report the errno by name", async () => {
    const failing = { errno: 28 };
    const named = expect.objectContaining({ code: "ENOSPC" });
    await expect(callsThatAnswer(failing).punchHole(1, 0, 1)).rejects.toEqual(named);
    await expect(callsThatAnswer(failing).seekHole(1, 0)).rejects.toEqual(named);
  });

  onLinux("are made again where a signal came in between", async () => {
    const interrupted = { errno: 4 };
    await callsThatAnswer(interrupted, interrupted, 0).punchHole(1, 0, 1);
    expect(await callsThatAnswer(interrupted, interrupted, 4096).seekHole(1, 0)).toBe(4096);
  });

  onLinux("let others have their turn, though a seek runs at once", async () => {
    const calls = callsThatAnswer();
    const seeks = { under: true, others: false };
    setImmediate(() => (seeks.others = seeks.under));
    for (let offset = 0; offset < 1000; offset++) await calls.seekData(1, offset);
    seeks.under = false;
    await new Promise(setImmediate);
    expect(seeks.others).toBe(true);
  });
});
