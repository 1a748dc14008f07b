import { expectBytes, expectFilled, expectRejection, expectThat } from "../assert.js";
import { type Kit, readRange, turns } from "../kit.js";
import { edgeRanges, impossibleOffsets, rangesPastEnd } from "../ranges.js";

const MARGIN = 9;
const MARK = 0xa5;

/** Rules of `read`. */
export function readRules(kit: Kit): void {
  kit.group("read", () => {
    kit.test("fills the whole target, at any offset and across blocks", async ({ backend, contents }) => {
      for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
        const expected = contents.subarray(offset, offset + length);
        expectBytes(await readRange(backend, offset, length), expected, `read of ${length} bytes at ${offset}`);
      }
    });

    kit.test(
      "reads zeroes where zeroes were stored",
      async ({ backend, contents }) => {
        for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
          const expected = contents.subarray(offset, offset + length);
          expectBytes(await readRange(backend, offset, length), expected, `read of ${length} bytes at ${offset}`);
        }
      },
      () => kit.sparseContents(),
    );

    kit.test("fills a subarray and leaves the bytes around it alone", async ({ backend, contents }) => {
      for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
        const buffer = new Uint8Array(length + 2 * MARGIN).fill(MARK);
        const target = buffer.subarray(MARGIN, MARGIN + length);
        const what = `read of ${length} bytes at ${offset} into a subarray`;
        await backend.read(target, offset);
        expectBytes(target, contents.subarray(offset, offset + length), what);
        expectFilled(buffer.subarray(0, MARGIN), MARK, `${what}: bytes before it`);
        expectFilled(buffer.subarray(MARGIN + length), MARK, `${what}: bytes after it`);
      }
    });

    kit.test("of nothing resolves, also at the end", async ({ backend, contents }) => {
      for (const offset of [0, 1, kit.block, contents.length]) await backend.read(new Uint8Array(0), offset);
    });

    kit.test("past the end rejects with ERR_RANGE, and gives no zeroes", async ({ backend, contents }) => {
      for (const { offset, length } of rangesPastEnd(kit.block, contents.length)) {
        const target = new Uint8Array(length).fill(MARK);
        const what = `read of ${length} bytes at ${offset}, with the end at ${contents.length}`;
        await expectRejection(() => backend.read(target, offset), "ERR_RANGE", what);
        const beyond = target.subarray(Math.max(0, contents.length - offset));
        expectThat(!beyond.includes(0), `${what}: bytes past the end were filled with zeroes`);
      }
    });

    kit.test("at an impossible offset rejects with ERR_RANGE", async ({ backend }) => {
      for (const { offset } of impossibleOffsets) {
        await expectRejection(() => backend.read(new Uint8Array(1), offset), "ERR_RANGE", `read at ${offset}`);
      }
    });

    kit.test("does not touch the target after it has settled", async ({ backend, contents }) => {
      const size = contents.length;
      const settled = new Uint8Array(size);
      const refused = new Uint8Array(size + 1);
      await backend.read(settled, 0);
      await expectRejection(() => backend.read(refused, 0), "ERR_RANGE", "read past the end");
      settled.fill(MARK);
      refused.fill(MARK);
      for (let again = 0; again < 3; again++) await readRange(backend, 0, size);
      await turns(20);
      expectFilled(settled, MARK, "target of a read that had resolved");
      expectFilled(refused, MARK, "target of a read that had rejected");
    });
  });
}
