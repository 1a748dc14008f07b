import { expectRejection, expectSame } from "../assert.js";
import { expectContents, type Kit } from "../kit.js";
import { pattern } from "../random.js";
import { rangesPastEnd } from "../ranges.js";

/** Rules of `write` past the end. */
export function growRules(kit: Kit): void {
  if (!kit.capabilities.write) return;
  kit.group("write past the end", () => {
    if (!kit.capabilities.grow) {
      kit.test("rejects with ERR_RANGE and changes nothing, without grow", async ({ backend, contents }) => {
        for (const { offset, length } of rangesPastEnd(kit.block, contents.length)) {
          const source = pattern(length, 6);
          await expectRejection(() => backend.write(source, offset), "ERR_RANGE", `write of ${length} at ${offset}`);
          await expectContents(backend, contents, `contents after a refused write of ${length} bytes at ${offset}`);
        }
      });
      return;
    }

    const { block, size } = kit;
    const cases = [
      { title: "at the end appends", offset: size, end: kit.rounded(size + 3) },
      { title: "across the end grows", offset: size - 5, end: kit.rounded(size + block + 1) },
      { title: "far behind the end leaves a gap of zeroes", offset: size + 2 * block + 5, end: size + 4 * block },
    ];
    for (const { title, offset, end } of cases) {
      kit.test(`${title}, and the size follows`, async ({ backend, contents }) => {
        const grown = new Uint8Array(kit.rounded(end));
        const source = pattern(grown.length - offset, 7);
        grown.set(contents);
        grown.set(source, offset);
        await backend.write(source, offset);
        expectSame(backend.size, grown.length, "size as soon as the write has resolved");
        await expectContents(backend, grown, "contents after growing");
        await backend.sync();
        await expectContents(backend, grown, "contents after growing and a sync");
      });
    }

    kit.test("side by side keeps every write, and the furthest makes the size", async ({ backend, contents }) => {
      const step = kit.rounded(Math.floor(block / 3));
      const count = 12;
      const grown = new Uint8Array(size + count * step);
      grown.set(contents);
      const offsets = Array.from({ length: count }, (_, index) => size + ((index * 5) % count) * step);
      const writes = offsets.map((offset, index) => {
        const source = pattern(step, 300 + index);
        grown.set(source, offset);
        return backend.write(source, offset);
      });
      await Promise.all(writes);
      await expectContents(backend, grown, "contents after growing by writes side by side");
    });
  });
}
