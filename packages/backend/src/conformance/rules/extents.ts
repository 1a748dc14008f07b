import type { Backend } from "../../contract.js";
import { expectFilled, expectRejection, expectSame, expectThat, fail } from "../assert.js";
import { collectExtents, type Kit, readRange } from "../kit.js";
import { pattern } from "../random.js";
import { edgeRanges, impossibleRanges, rangesPastEnd } from "../ranges.js";

/** Requires the extents of a range to cover it exactly and in order. */
async function expectCover(backend: Backend, offset: number, length: number): Promise<void> {
  const what = `extents of ${length} bytes at ${offset}`;
  let at = offset;
  for (const extent of await collectExtents(backend, offset, length)) {
    expectSame(extent.offset, at, `${what}: offset of the next extent (a gap, an overlap or no order)`);
    expectThat(Number.isSafeInteger(extent.length) && extent.length > 0, `${what}: an extent has no length`);
    expectThat(["data", "zero", "hole"].includes(extent.kind), `${what}: an extent is of kind ${extent.kind}`);
    at += extent.length;
  }
  expectSame(at, offset + length, `${what}: end of the last extent`);
}

/** Requires that what the extents of a range call a zero or a hole reads as zeroes. */
export async function expectTruth(backend: Backend, offset: number, length: number): Promise<void> {
  for (const extent of await collectExtents(backend, offset, length)) {
    if (extent.kind === "data") continue;
    const bytes = await readRange(backend, extent.offset, extent.length);
    expectFilled(bytes, 0, `the ${extent.kind} of ${extent.length} bytes at ${extent.offset}`);
  }
}

/** Rules of `extents`. */
export function extentsRules(kit: Kit): void {
  if (!kit.capabilities.extents) return;
  kit.group("extents", () => {
    kit.test(
      "cover exactly the range, ascending, without gaps or overlaps",
      async ({ backend, contents }) => {
        for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
          await expectCover(backend, offset, length);
        }
      },
      () => kit.sparseContents(),
    );

    kit.test(
      "call zero or hole only what reads as zeroes",
      async ({ backend, contents }) => {
        for (const { offset, length } of edgeRanges(kit.block, contents.length)) {
          await expectTruth(backend, offset, length);
        }
      },
      () => kit.sparseContents(),
    );

    if (kit.capabilities.write) {
      kit.test(
        "follow what is written, zeroed, discarded and resized",
        async ({ backend }) => {
          const { block } = kit;
          const steps: [what: string, run: () => Promise<void>][] = [];
          steps.push(["one byte written", () => backend.write(pattern(1, 11), block + 1)]);
          steps.push(["a write over zeroes", () => backend.write(pattern(block, 12), 3 * block - 1)]);
          if (kit.capabilities.writeZeroes) steps.push(["writeZeroes", () => backend.writeZeroes(1, 2 * block)]);
          if (kit.capabilities.discard) steps.push(["discard", () => backend.discard(block - 1, 2 * block + 1)]);
          steps.push(["a write after both", () => backend.write(pattern(2, 13), block - 1)]);
          if (kit.capabilities.truncate) steps.push(["truncate", () => backend.truncate(kit.rounded(2 * block + 3))]);
          steps.push(["sync", () => backend.sync()]);
          for (const [what, run] of steps) {
            await run();
            await expectCover(backend, 0, backend.size);
            await expectTruth(backend, 0, backend.size).catch((error: unknown) =>
              fail(`after ${what}: ${String(error)}`, error),
            );
          }
        },
        () => kit.sparseContents(),
      );
    }

    kit.test("of nothing are none", async ({ backend, contents }) => {
      for (const offset of [0, 1, contents.length]) {
        expectSame((await collectExtents(backend, offset, 0)).length, 0, `number of extents of 0 bytes at ${offset}`);
      }
    });

    kit.test("outside the size reject with ERR_RANGE", async ({ backend, contents }) => {
      for (const { offset, length } of [...rangesPastEnd(kit.block, contents.length), ...impossibleRanges]) {
        const what = `extents of ${length} bytes at ${offset}`;
        await expectRejection(() => collectExtents(backend, offset, length), "ERR_RANGE", what);
      }
    });

    kit.test(
      "can be left half-way",
      async ({ backend, contents, close }) => {
        for await (const extent of backend.extents(0, contents.length)) {
          expectSame(extent.offset, 0, "offset of the first extent");
          break;
        }
        await expectCover(backend, 0, contents.length);
        const unfinished = backend.extents(0, contents.length)[Symbol.asyncIterator]();
        await unfinished.next();
        await close();
      },
      () => kit.sparseContents(),
    );
  });
}
