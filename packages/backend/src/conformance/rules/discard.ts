import { expectRejection, fail } from "../assert.js";
import { expectContents, type Kit, readRange } from "../kit.js";
import { pattern } from "../random.js";
import { edgeRanges, impossibleRanges, type Range, rangesPastEnd } from "../ranges.js";

/** Requires the backend to be `before`, but for a range in which any byte may have become 0. */
export function expectDiscarded(found: Uint8Array, before: Uint8Array, { offset, length }: Range): void {
  for (let at = 0; at < before.length; at++) {
    if (found[at] === before[at]) continue;
    const inside = at >= offset && at < offset + length;
    if (inside && found[at] === 0) continue;
    const rule = inside ? `old content (${before[at]}) or 0` : `untouched (${before[at]})`;
    const where = inside ? "in" : "outside";
    fail(`discard of ${length} bytes at ${offset}: byte ${at}, ${where} the range, is ${found[at]}, must be ${rule}`);
  }
}

/** Rules of `discard`. */
export function discardRules(kit: Kit): void {
  if (!kit.capabilities.discard) return;
  kit.group("discard", () => {
    kit.test("leaves old content or zeroes, and nothing beside the range changes", async ({ backend, contents }) => {
      for (const range of edgeRanges(kit.block, contents.length)) {
        await backend.write(contents, 0);
        await backend.discard(range.offset, range.length);
        expectDiscarded(await readRange(backend, 0, contents.length), contents, range);
      }
    });

    kit.test("does not touch what is written afterwards", async ({ backend, contents }) => {
      const { block } = kit;
      await backend.discard(0, contents.length);
      const source = pattern(contents.length - block + 1, 10);
      await backend.write(source, block - 1);
      await backend.sync();
      const found = await readRange(backend, 0, contents.length);
      const model = contents.slice();
      model.set(source, block - 1);
      expectDiscarded(found, model, { offset: 0, length: block - 1 });
    });

    kit.test("of nothing changes nothing", async ({ backend, contents }) => {
      for (const offset of [0, 1, contents.length]) await backend.discard(offset, 0);
      await expectContents(backend, contents, "contents after empty discards");
    });

    kit.test("outside the size rejects with ERR_RANGE and changes nothing", async ({ backend, contents }) => {
      for (const { offset, length } of [...rangesPastEnd(kit.block, contents.length), ...impossibleRanges]) {
        const what = `discard of ${length} bytes at ${offset}`;
        await expectRejection(() => backend.discard(offset, length), "ERR_RANGE", what);
      }
      await expectContents(backend, contents, "contents after refused discards");
    });
  });
}
