import { expectRejection, expectSame } from "../assert.js";
import { expectContents, type Kit } from "../kit.js";
import { pattern } from "../random.js";

/** Rules of `truncate`. */
export function truncateRules(kit: Kit): void {
  if (!kit.capabilities.truncate) return;
  const { block, size } = kit;
  kit.group("truncate", () => {
    kit.test("down cuts off, and keeps what stays", async ({ backend, contents }) => {
      for (const smaller of [kit.rounded(2 * block + 7), kit.rounded(2 * block), kit.rounded(1), 0]) {
        await backend.truncate(smaller);
        await expectContents(backend, contents.subarray(0, smaller), `contents after a truncate to ${smaller}`);
        const read = (): Promise<void> => backend.read(new Uint8Array(1), smaller);
        await expectRejection(read, "ERR_RANGE", `read at ${smaller}, the new end`);
      }
    });

    kit.test("up adds zeroes", async ({ backend, contents }) => {
      const larger = kit.rounded(size + 2 * block + 9);
      const grown = new Uint8Array(larger);
      grown.set(contents);
      await backend.truncate(larger);
      await expectContents(backend, grown, `contents after a truncate to ${larger}`);
    });

    kit.test("down and up again never brings old bytes back", async ({ backend, contents }) => {
      for (const smaller of [3 * block + 5, 2 * block, 9].map((bytes) => kit.rounded(bytes))) {
        const model = contents.slice();
        model.fill(0, smaller);
        await backend.write(contents, 0);
        await backend.truncate(smaller);
        await backend.truncate(size);
        await expectContents(backend, model, `contents after a truncate to ${smaller} and back`);
      }
    });

    if (kit.capabilities.grow) {
      kit.test("down and a write behind never brings old bytes back", async ({ backend, contents }) => {
        const smaller = kit.rounded(block + 5);
        const end = kit.rounded(3 * block + 8);
        const source = pattern(end - 3 * block, 8);
        const model = new Uint8Array(end);
        model.set(contents.subarray(0, smaller));
        model.set(source, 3 * block);
        await backend.truncate(smaller);
        await backend.write(source, 3 * block);
        await expectContents(backend, model, `contents after a truncate to ${smaller} and a write at ${3 * block}`);
      });
    }

    kit.test("to the same size changes nothing", async ({ backend, contents }) => {
      await backend.truncate(contents.length);
      await expectContents(backend, contents, "contents");
    });

    kit.test("makes room for writes", async ({ backend, contents }) => {
      const larger = kit.rounded(size + block);
      await backend.truncate(0);
      await backend.truncate(larger);
      expectSame(backend.size, larger, "size");
      const model = new Uint8Array(larger);
      model.set(contents, larger - size);
      await backend.write(contents, larger - size);
      await expectContents(backend, model, "contents");
    });

    kit.test("to an impossible size rejects with ERR_RANGE and changes nothing", async ({ backend, contents }) => {
      for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        await expectRejection(() => backend.truncate(bad), "ERR_RANGE", `truncate to ${bad}`);
      }
      await expectContents(backend, contents, "contents after refused truncates");
    });
  });
}
