import { expectRejection } from "../assert.js";
import { expectContents, type Kit } from "../kit.js";
import { pattern } from "../random.js";
import { edgeRanges, impossibleRanges, rangesPastEnd } from "../ranges.js";

/** Rules of `writeZeroes`. */
export function writeZeroesRules(kit: Kit): void {
  if (!kit.capabilities.writeZeroes) return;
  kit.group("writeZeroes", () => {
    kit.test("zeroes the whole range and nothing beside it", async ({ backend, contents }) => {
      for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
        await backend.write(contents, 0);
        await backend.writeZeroes(offset, length);
        const model = contents.slice();
        model.fill(0, offset, offset + length);
        await expectContents(backend, model, `contents after writeZeroes of ${length} bytes at ${offset}`);
      }
    });

    kit.test("is written over like anything else", async ({ backend, contents }) => {
      const { block } = kit;
      const source = pattern(block, 9);
      await backend.writeZeroes(0, contents.length);
      await backend.write(source, block + 3);
      contents.fill(0);
      contents.set(source, block + 3);
      await expectContents(backend, contents, "contents after writeZeroes and a write");
    });

    kit.test("of nothing changes nothing", async ({ backend, contents }) => {
      for (const offset of [0, 1, contents.length]) await backend.writeZeroes(offset, 0);
      await expectContents(backend, contents, "contents after empty writeZeroes");
    });

    kit.test("outside the size rejects with ERR_RANGE and changes nothing", async ({ backend, contents }) => {
      for (const { offset, length } of [...rangesPastEnd(kit.block, contents.length), ...impossibleRanges]) {
        const what = `writeZeroes of ${length} bytes at ${offset}`;
        await expectRejection(() => backend.writeZeroes(offset, length), "ERR_RANGE", what);
      }
      await expectContents(backend, contents, "contents after refused writeZeroes");
    });
  });
}
