import { expectBytes } from "../assert.js";
import { expectContents, type Kit, readRange } from "../kit.js";
import { pattern, Random } from "../random.js";
import { pieces } from "../ranges.js";

/** Rules of calls side by side, on ranges that do not overlap. */
export function parallelRules(kit: Kit): void {
  const { block, capabilities } = kit;
  kit.group("side by side", () => {
    kit.test("reads of all sizes each get their bytes", async ({ backend, contents }) => {
      const ranges = pieces(new Random(1), contents.length, 2 * block).slice(0, 300);
      const found = await Promise.all(ranges.map(({ offset, length }) => readRange(backend, offset, length)));
      for (const [index, { offset, length }] of ranges.entries()) {
        const expected = contents.subarray(offset, offset + length);
        expectBytes(found[index] ?? new Uint8Array(0), expected, `read of ${length} bytes at ${offset}`);
      }
    });

    kit.test("reads of one range each get its bytes", async ({ backend, contents }) => {
      const reads = Array.from({ length: 8 }, () => readRange(backend, block - 1, block + 2));
      for (const found of await Promise.all(reads)) {
        expectBytes(found, contents.subarray(block - 1, 2 * block + 1), "one of eight reads");
      }
    });

    if (!capabilities.write) return;

    kit.test(
      "writes of all sizes are all kept",
      async ({ backend, contents }) => {
        const ranges = pieces(new Random(2), contents.length, 2 * block);
        const writes = ranges.map(({ offset, length }, index) => {
          const source = pattern(length, 500 + index);
          contents.set(source, offset);
          return backend.write(source, offset);
        });
        await Promise.all(writes);
        await expectContents(backend, contents, "contents after writes side by side");
      },
      () => kit.sparseContents(),
    );

    kit.test(
      "small writes into one block are all kept",
      async ({ backend, contents }) => {
        const part = Math.max(1, Math.floor(block / 64));
        const writes: Promise<void>[] = [];
        for (let at = block + 1; at + part < 2 * block; at += part) {
          const source = pattern(part, at);
          contents.set(source, at);
          writes.push(backend.write(source, at));
        }
        await Promise.all(writes);
        await expectContents(backend, contents, "contents after small writes side by side");
      },
      () => new Uint8Array(kit.size),
    );

    kit.test("reads beside writes get their own bytes", async ({ backend, contents }) => {
      const before = contents.slice();
      const ranges = pieces(new Random(3), contents.length, block);
      const calls = ranges.map(async ({ offset, length }, index) => {
        if (index % 2 === 0) {
          const source = pattern(length, 600 + index);
          contents.set(source, offset);
          await backend.write(source, offset);
        } else {
          const expected = before.subarray(offset, offset + length);
          expectBytes(await readRange(backend, offset, length), expected, `read of ${length} bytes at ${offset}`);
        }
      });
      await Promise.all(calls);
      await expectContents(backend, contents, "contents after reads and writes side by side");
    });

    if (!capabilities.writeZeroes) return;

    kit.test("writes beside writeZeroes are all kept", async ({ backend, contents }) => {
      const ranges = pieces(new Random(4), contents.length, block);
      const calls = ranges.map(({ offset, length }, index) => {
        const zero = index % 2 === 0;
        const source = zero ? new Uint8Array(length) : pattern(length, 700 + index);
        contents.set(source, offset);
        return zero ? backend.writeZeroes(offset, length) : backend.write(source, offset);
      });
      await Promise.all(calls);
      await expectContents(backend, contents, "contents after writes and writeZeroes side by side");
    });
  });
}
