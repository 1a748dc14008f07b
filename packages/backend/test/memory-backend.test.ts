import { describe, expect, it } from "vitest";
import { type Extent, isBackendError, MemoryBackend, MemoryPages } from "../src/index.js";

const TIB = 2 ** 40;

async function extentsIn(backend: MemoryBackend, offset: number, length: number): Promise<Extent[]> {
  const found: Extent[] = [];
  for await (const extent of backend.extents(offset, length)) found.push(extent);
  return found;
}

describe("a memory backend", () => {
  it("of 1 TiB costs the pages that were written to", async () => {
    const pages = new MemoryPages(TIB);
    const backend = new MemoryBackend({ pages });
    await backend.write(new Uint8Array([1, 2]), TIB - 65_537);
    expect(pages.allocated).toBe(2 * 65_536);
    expect(await extentsIn(backend, 0, TIB)).toEqual([
      { offset: 0, length: TIB - 131_072, kind: "hole" },
      { offset: TIB - 131_072, length: 131_072, kind: "data" },
    ]);
    await backend.writeZeroes(0, TIB);
    expect(pages.allocated).toBe(0);
  });

  it("frees every page that truncate cuts off", async () => {
    const pages = new MemoryPages();
    const backend = new MemoryBackend({ pages });
    await backend.write(new Uint8Array(200_000).fill(7), 0);
    await backend.truncate(10);
    expect(pages.allocated).toBe(65_536);
    await backend.truncate(200_000);
    const read = new Uint8Array(200_000);
    await backend.read(read, 0);
    expect(read.every((byte, at) => byte === (at < 10 ? 7 : 0))).toBe(true);
  });

  it("shares pages with a read-only one", async () => {
    const pages = new MemoryPages(4);
    const writer = new MemoryBackend({ pages });
    const reader = new MemoryBackend({ pages, readOnly: true });
    await writer.write(new Uint8Array([9]), 3);
    const read = new Uint8Array(4);
    await reader.read(read, 0);
    expect([...read]).toEqual([0, 0, 0, 9]);
  });

  it("refuses a size that is none", () => {
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => new MemoryBackend({ size })).toThrow(expect.objectContaining({ code: "ERR_RANGE" }));
    }
  });

  it("tells pages it has apart from holes", async () => {
    const backend = new MemoryBackend({ size: 5 * 65_536 });
    for (const page of [1, 2, 4]) await backend.write(new Uint8Array([1]), page * 65_536 + 5);
    expect(await extentsIn(backend, 10, 5 * 65_536 - 20)).toEqual([
      { offset: 10, length: 65_526, kind: "hole" },
      { offset: 65_536, length: 131_072, kind: "data" },
      { offset: 3 * 65_536, length: 65_536, kind: "hole" },
      { offset: 4 * 65_536, length: 65_526, kind: "data" },
    ]);
  });

  it("fails with a BackendError where it cannot be written", async () => {
    const failed: unknown = await new MemoryBackend({ readOnly: true })
      .write(new Uint8Array(1), 0)
      .catch((error: unknown) => error);
    expect(isBackendError(failed, "ERR_READ_ONLY")).toBe(true);
  });
});
