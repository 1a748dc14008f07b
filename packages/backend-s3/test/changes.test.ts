import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { Changes } from "../src/changes.js";
import { Spill } from "../src/spill.js";

const size = 2000;

/** What a range looks like over zeroes. */
async function contentsOf(changes: Changes): Promise<Uint8Array> {
  const found = new Uint8Array(size);
  for (const run of changes.runs(0, size)) {
    if (run.piece) await changes.read(found.subarray(run.start, run.end), run, undefined);
  }
  return found;
}

describe("changes", () => {
  it.each([
    ["in memory", 1 << 20],
    ["that spill", 1000],
    ["that all spill", 0],
  ])("%s are what a plain array would hold, through freezes and thaws", async (_, memory) => {
    const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    let state = seed;
    const below = (limit: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return Math.floor((state / 2 ** 31) * limit);
    };
    const changes = new Changes("x", memory, new Spill(async () => new MemoryBackend()));
    const model = new Uint8Array(size);
    let frozen = false;
    for (let step = 0; step < 1000; step++) {
      const start = below(size - 1);
      const end = start + 1 + below(Math.min(300, size - start - 1));
      const action = below(20);
      if (action < 14) {
        const value = 1 + below(255);
        const bytes = new Uint8Array(end - start).fill(value);
        await changes.write(bytes, start);
        bytes.fill(0);
        model.fill(value, start, end);
      } else if (action < 17) {
        await changes.zero(start, end);
        model.fill(0, start, end);
      } else if (!frozen) {
        changes.freeze();
        frozen = true;
      } else {
        await changes.thaw();
        frozen = false;
      }
      if (step % 20 === 0)
        expect(Buffer.compare(await contentsOf(changes), model), `seed ${seed}, step ${step}`).toBe(0);
    }
  });

  it("that memory has no room for are ERR_NO_SPACE without a spill, and change nothing", async () => {
    const changes = new Changes("x", 1000, undefined);
    await changes.write(new Uint8Array(500).fill(1), 0);
    await expect(changes.write(new Uint8Array(800).fill(2), 0)).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
    expect((await contentsOf(changes))[0]).toBe(1);
  });

  it("that are being published take room in memory, too, and spill like others", async () => {
    const backend = new MemoryBackend();
    for (const spill of [undefined, new Spill(async () => backend)]) {
      const changes = new Changes("x", 1000, spill);
      await changes.write(new Uint8Array(600).fill(1), 0);
      changes.freeze();
      const written = changes.write(new Uint8Array(600).fill(2), 600);
      if (spill) await written;
      else await expect(written).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
    }
    expect(backend.size).toBe(600);
  });

  it("count for more than their bytes, so that many small ones spill as well", async () => {
    const backend = new MemoryBackend();
    const changes = new Changes("x", 1000, new Spill(async () => backend));
    for (let at = 0; at < 20; at++) await changes.write(Uint8Array.of(at), at * 2);
    expect(backend.size).toBeGreaterThan(0);
  });

  it("stay in memory when the spill fails", async () => {
    const full = new Spill(async () => new MemoryBackend({ readOnly: true }));
    const changes = new Changes("x", 1000, full);
    await changes.write(new Uint8Array(500).fill(1), 0);
    await expect(changes.write(new Uint8Array(800).fill(2), 0)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    expect((await contentsOf(changes))[0]).toBe(1);
  });

  it("that come while memory is emptied wait for that, and none is lost", async () => {
    const backend = new MemoryBackend();
    const gate = Promise.withResolvers<void>();
    const write = backend.write.bind(backend);
    backend.write = async (source, at) => {
      const copy = source.slice();
      await gate.promise;
      await write(copy, at);
    };
    const changes = new Changes("x", 1300, new Spill(async () => backend));
    await changes.write(new Uint8Array(600).fill(1), 0);
    const emptying = changes.write(new Uint8Array(600).fill(2), 1000);
    const atOnce = changes.zero(200, 300);
    // When what was in memory is on its way to the spill already.
    await new Promise(setImmediate);
    const later = changes.write(new Uint8Array(100).fill(3), 100);
    gate.resolve();
    await Promise.all([emptying, atOnce, later]);
    const expected = new Uint8Array(size).fill(1, 0, 600).fill(3, 100, 200).fill(0, 200, 300).fill(2, 1000, 1600);
    expect(Buffer.compare(await contentsOf(changes), expected)).toBe(0);
    // Memory is counted rightly: it is full, of the second write, the third one and what pieces cost.
    expect(backend.size).toBe(600);
    await changes.write(new Uint8Array(100).fill(4), 1700);
    expect(backend.size).toBeGreaterThan(600);
  });

  it("that were published stay in the spill for a read that began before", async () => {
    const backend = new MemoryBackend();
    const gate = Promise.withResolvers<void>();
    const read = backend.read.bind(backend);
    backend.read = async (target, at) => {
      await gate.promise;
      await read(target, at);
    };
    const changes = new Changes("x", 0, new Spill(async () => backend));
    await changes.write(new Uint8Array(500).fill(1), 0);
    const found = contentsOf(changes);
    changes.freeze();
    await changes.published();
    gate.resolve();
    expect(Buffer.compare(await found, new Uint8Array(size).fill(1, 0, 500))).toBe(0);
  });

  it("that were published give the spill back", async () => {
    const backend = new MemoryBackend();
    const changes = new Changes("x", 0, new Spill(async () => backend));
    await changes.write(new Uint8Array(500).fill(1), 0);
    expect(backend.size).toBe(500);
    changes.freeze();
    await changes.published();
    expect([backend.size, changes.empty]).toEqual([0, true]);
  });
});
