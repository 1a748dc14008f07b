import { expectBytes, expectRejection } from "../assert.js";
import { expectContents, type Kit, readRange, withBackend } from "../kit.js";
import { pattern } from "../random.js";
import { edgeRanges, impossibleOffsets } from "../ranges.js";

/** Bytes whose `slice` is no copy, as that of `Buffer` in Node is none. */
class SharingBytes extends Uint8Array {
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.subarray(start, end);
  }
}

/** Rules of `write` within the size. */
export function writeRules(kit: Kit): void {
  if (!kit.capabilities.write) return;
  kit.group("write", () => {
    kit.test("writes the whole source and nothing beside it", async ({ backend, contents }) => {
      for (const [index, { offset, length }] of edgeRanges(kit.block, contents.length).entries()) {
        const source = pattern(length, 100 + index);
        await backend.write(source, offset);
        contents.set(source, offset);
        await expectContents(backend, contents, `contents after a write of ${length} bytes at ${offset}`);
      }
    });

    kit.test(
      "writes over zeroes",
      async ({ backend, contents }) => {
        for (const [index, { offset, length }] of edgeRanges(kit.block, contents.length).entries()) {
          const source = pattern(length, 200 + index);
          await backend.write(source, offset);
          contents.set(source, offset);
          await expectContents(backend, contents, `contents after a write of ${length} bytes at ${offset}`);
        }
      },
      () => new Uint8Array(kit.size),
    );

    kit.test("writes zeroes as it writes other bytes", async ({ backend, contents }) => {
      const { block } = kit;
      await backend.write(new Uint8Array(block + 2), block - 1);
      contents.fill(0, block - 1, 2 * block + 1);
      await expectContents(backend, contents, "contents after a write of zeroes");
    });

    kit.test("takes a subarray, and only reads its source", async ({ backend, contents }) => {
      const buffer = pattern(kit.block + 20, 3);
      const before = buffer.slice();
      const source = buffer.subarray(7, 7 + kit.block);
      await backend.write(source, 5);
      await backend.sync();
      contents.set(before.subarray(7, 7 + kit.block), 5);
      await expectContents(backend, contents, "contents after a write from a subarray");
      expectBytes(buffer, before, "the buffer that was written from");
    });

    kit.test("does not look at its source after it has settled", async ({ backend, contents, subject }) => {
      for (const [index, { offset, length }] of [
        { offset: kit.block, length: kit.block },
        { offset: 3, length: 5 },
        { offset: kit.block, length: kit.block },
        { offset: 3, length: 5 },
      ].entries()) {
        const source = index < 2 ? new Uint8Array(length) : new SharingBytes(length);
        source.set(pattern(length, 4 + index));
        contents.set(source, offset);
        await backend.write(source, offset);
        source.fill(0xee);
        const expected = contents.subarray(offset, offset + length);
        expectBytes(await readRange(backend, offset, length), expected, "bytes written before the source changed");
      }
      await backend.sync();
      await expectContents(backend, contents, "contents after a sync");
      if (!subject.afterCrash) return;
      await withBackend(subject.afterCrash(), (found) => expectContents(found, contents, "what reached the storage"));
    });

    kit.test("over a write replaces it", async ({ backend, contents }) => {
      for (let round = 0; round < 4; round++) {
        const source = pattern(2 * kit.block, 5 + round);
        await backend.write(source, kit.block - 3 - round);
        contents.set(source, kit.block - 3 - round);
      }
      await expectContents(backend, contents, "contents after writes over one another");
    });

    kit.test("of nothing changes nothing", async ({ backend, contents }) => {
      for (const offset of [0, 1, kit.block, contents.length]) await backend.write(new Uint8Array(0), offset);
      await expectContents(backend, contents, "contents after empty writes");
    });

    kit.test("at an impossible offset rejects with ERR_RANGE and changes nothing", async ({ backend, contents }) => {
      for (const { offset } of impossibleOffsets) {
        await expectRejection(() => backend.write(new Uint8Array(1), offset), "ERR_RANGE", `write at ${offset}`);
      }
      await expectContents(backend, contents, "contents after refused writes");
    });
  });
}
