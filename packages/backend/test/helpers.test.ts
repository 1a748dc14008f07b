import { describe, expect, it } from "vitest";
import {
  allocateZeroes,
  type Backend,
  BackendError,
  type Extent,
  extentsOf,
  MemoryBackend,
  MemoryPages,
  zeroRange,
} from "../src/index.js";
import { Delegate } from "./broken/delegate.js";

const SIZE = 600_000;

async function collect(extents: AsyncIterable<Extent>): Promise<Extent[]> {
  const found: Extent[] = [];
  for await (const extent of extents) found.push(extent);
  return found;
}

/** A memory backend full of ones, and one over the same bytes that lacks what the helpers make up for. */
async function pair(): Promise<{ full: MemoryBackend; lean: Backend; writes: number[] }> {
  const pages = new MemoryPages();
  const full = new MemoryBackend({ pages });
  await full.write(new Uint8Array(SIZE).fill(1), 0);
  const writes: number[] = [];
  const lean = new (class extends Delegate {
    override async write(source: Uint8Array, offset: number): Promise<void> {
      writes.push(source.length);
      await super.write(source, offset);
    }
  })(full, { ...full.capabilities, writeZeroes: false, extents: false });
  return { full, lean, writes };
}

describe("zeroRange", () => {
  it("zeroes exactly the range, by writeZeroes or else by bounded writes", async () => {
    for (const which of ["full", "lean"] as const) {
      const { full, lean, writes } = await pair();
      await zeroRange(which === "full" ? full : lean, 3, SIZE - 5);
      const bytes = new Uint8Array(SIZE);
      await full.read(bytes, 0);
      const wrong = bytes.findIndex((byte, at) => byte !== (at < 3 || at >= SIZE - 2 ? 1 : 0));
      expect(wrong).toBe(-1);
      expect(writes).toEqual(which === "full" ? [] : [262_144, 262_144, SIZE - 5 - 524_288]);
    }
  });

  it("does not grow a backend that could", async () => {
    const { full, lean } = await pair();
    for (const backend of [full, lean]) {
      await expect(zeroRange(backend, SIZE - 1, 2)).rejects.toMatchObject({ code: "ERR_RANGE" });
    }
    expect(full.size).toBe(SIZE);
  });

  it("of nothing still asks the backend", async () => {
    const { full, lean } = await pair();
    await zeroRange(lean, 5, 0);
    await full.close();
    for (const backend of [full, lean]) {
      await expect(zeroRange(backend, 5, 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    }
  });
});

describe("allocateZeroes", () => {
  /** Sets 300,000 bytes aside behind the end of a backend that has `allocate`, or says so, or not. */
  async function setAside(refusal: "none" | "ERR_UNSUPPORTED" | "ERR_NO_SPACE", flag: boolean) {
    const pages = new MemoryPages();
    const inner = new MemoryBackend({ pages });
    const writes: number[] = [];
    const backend = new (class extends Delegate {
      override async allocate(offset: number, length: number): Promise<void> {
        if (refusal !== "none") throw new BackendError(refusal, "refused");
        await super.allocate(offset, length);
      }

      override async write(source: Uint8Array, offset: number): Promise<void> {
        writes.push(source.length);
        await super.write(source, offset);
      }
    })(inner, { ...inner.capabilities, allocate: flag });
    await allocateZeroes(backend, 0, 300_000);
    return { size: inner.size, allocated: pages.allocated, writes };
  }

  it("sets space aside by allocate, or else by bounded writes, also where the storage cannot after all", async () => {
    const done = { size: 300_000, allocated: 5 * 65_536 };
    const written = { ...done, writes: [262_144, 300_000 - 262_144] };
    expect(await setAside("none", true)).toEqual({ ...done, writes: [] });
    expect(await setAside("none", false)).toEqual(written);
    expect(await setAside("ERR_UNSUPPORTED", true)).toEqual(written);
  });

  it("writes nothing where there is no space", async () => {
    await expect(setAside("ERR_NO_SPACE", true)).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
  });
});

describe("extentsOf", () => {
  it("gives the extents of a backend that knows them, and else one of data", async () => {
    const { full, lean } = await pair();
    await full.truncate(SIZE * 2);
    const whole = { offset: 0, length: SIZE * 2, kind: "data" };
    expect((await collect(extentsOf(full, 0, SIZE * 2))).map(({ kind }) => kind)).toEqual(["data", "hole"]);
    expect(await collect(extentsOf(lean, 0, SIZE * 2))).toEqual([whole]);
    expect(await collect(extentsOf(lean, 7, 0))).toEqual([]);
  });

  it("refuses a range outside the size, an aborted signal and a closed backend", async () => {
    const { full, lean } = await pair();
    const signal = AbortSignal.abort("enough");
    for (const backend of [full, lean]) {
      await expect(collect(extentsOf(backend, 1, SIZE))).rejects.toMatchObject({ code: "ERR_RANGE" });
      await expect(collect(extentsOf(backend, 0, SIZE, { signal }))).rejects.toBe("enough");
    }
    await full.close();
    for (const backend of [full, lean]) {
      await expect(collect(extentsOf(backend, 0, SIZE))).rejects.toMatchObject({ code: "ERR_CLOSED" });
    }
  });
});
