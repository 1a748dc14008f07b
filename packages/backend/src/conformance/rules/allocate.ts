import { expectRejection, expectSame } from "../assert.js";
import { expectContents, type Kit } from "../kit.js";
import { pattern } from "../random.js";
import { edgeRanges, impossibleRanges, rangesPastEnd } from "../ranges.js";

/** Rules of `allocate`. That the space is there cannot be seen from here. */
export function allocateRules(kit: Kit): void {
  if (!kit.capabilities.allocate) return;
  kit.group("allocate", () => {
    kit.test(
      "changes nothing of what the range holds, data or zeroes, and nothing beside it",
      async ({ backend, contents }) => {
        for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
          await backend.allocate(offset, length);
          await expectContents(backend, contents, `contents after allocate of ${length} bytes at ${offset}`);
        }
      },
      () => kit.sparseContents(),
    );

    kit.test("is written over like anything else", async ({ backend, contents }) => {
      const source = pattern(kit.block, 11);
      await backend.allocate(0, contents.length);
      await backend.write(source, kit.block + 3);
      contents.set(source, kit.block + 3);
      await expectContents(backend, contents, "contents after allocate and a write");
    });

    kit.test("of nothing changes nothing, nor the size", async ({ backend, contents }) => {
      const offsets = kit.capabilities.grow ? [0, 1, contents.length, contents.length + kit.block] : [0, 1];
      for (const offset of offsets) await backend.allocate(offset, 0);
      await expectContents(backend, contents, "contents after empty allocates");
    });

    kit.test("of an impossible range rejects with ERR_RANGE and changes nothing", async ({ backend, contents }) => {
      for (const { offset, length } of impossibleRanges) {
        await expectRejection(
          () => backend.allocate(offset, length),
          "ERR_RANGE",
          `allocate of ${length} at ${offset}`,
        );
      }
      await expectContents(backend, contents, "contents after refused allocates");
    });

    if (!kit.capabilities.grow) {
      kit.test("past the end rejects with ERR_RANGE and changes nothing, without grow", async (trial) => {
        const { backend, contents } = trial;
        for (const { offset, length } of rangesPastEnd(kit.block, contents.length)) {
          const what = `allocate of ${length} at ${offset}`;
          await expectRejection(() => backend.allocate(offset, length), "ERR_RANGE", what);
        }
        await expectContents(backend, contents, "contents after refused allocates");
      });
      return;
    }

    kit.test("past the end grows by zeroes, also those of a gap, and the size follows", async (trial) => {
      const { backend, contents } = trial;
      const { block, size } = kit;
      let model = contents;
      const ends = [kit.rounded(size + 3), kit.rounded(size + block + 1), kit.rounded(size + 4 * block)];
      for (const [index, end] of ends.entries()) {
        const offset = [size - 5, size + 1, size + 3 * block][index] ?? size;
        await backend.allocate(offset, end - offset);
        expectSame(backend.size, end, `size as soon as allocate up to ${end} has resolved`);
        const grown = new Uint8Array(end);
        grown.set(model);
        model = grown;
        await expectContents(backend, model, `contents after allocate of ${end - offset} bytes at ${offset}`);
      }
      await backend.sync();
      await expectContents(backend, model, "contents after growing and a sync");
    });
  });
}
