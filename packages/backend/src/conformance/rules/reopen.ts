import { expectRejection, expectSame, fail } from "../assert.js";
import { expectContents, type Kit, withBackend } from "../kit.js";
import { pattern } from "../random.js";

/** Rules of what outlives a backend. They apply where the factory can reopen, as it must where `durable`. */
export function reopenRules(kit: Kit): void {
  const { capabilities, block } = kit;
  if (!capabilities.write) return;
  kit.group("reopening", () => {
    if (capabilities.durable) {
      kit.test("is offered by the factory of a durable backend", async ({ subject }) => {
        if (!subject.reopen) fail("the manifest says durable, so the factory's create must offer reopen");
      });
    }

    kit.test("finds what was synced", async ({ backend, contents, subject, close }) => {
      if (!subject.reopen) return;
      const source = pattern(2 * block + 1, 17);
      await backend.write(source, block - 1);
      contents.set(source, block - 1);
      await backend.sync();
      await close();
      await withBackend(subject.reopen({ write: true }), (found) => expectContents(found, contents, "reopened"));
    });

    kit.test("finds what was closed without a sync", async ({ backend, contents, subject, close }) => {
      if (!subject.reopen) return;
      const source = pattern(block, 18);
      await backend.write(source, 1);
      contents.set(source, 1);
      if (capabilities.writeZeroes) {
        await backend.writeZeroes(2 * block + 1, block);
        contents.fill(0, 2 * block + 1, 3 * block + 1);
      }
      await close();
      await withBackend(subject.reopen({ write: false }), (found) => expectContents(found, contents, "reopened"));
    });

    kit.test("finds the size that was left", async ({ backend, contents, subject, close }) => {
      if (!subject.reopen) return;
      let model = contents;
      if (capabilities.grow) {
        const size = kit.rounded(contents.length + block + 1);
        model = new Uint8Array(size);
        model.set(contents);
        model.set(pattern(1, 19), size - 1);
        await backend.write(pattern(1, 19), size - 1);
      }
      if (capabilities.truncate) {
        model = model.subarray(0, kit.rounded(3 * block + 1));
        await backend.truncate(model.length);
      }
      await backend.sync();
      await close();
      await withBackend(subject.reopen({ write: false }), (found) => expectContents(found, model, "reopened"));
    });

    kit.test("works on where it was left", async ({ backend, contents, subject, close }) => {
      if (!subject.reopen) return;
      await backend.write(pattern(3, 20), block);
      contents.set(pattern(3, 20), block);
      await close();
      await withBackend(subject.reopen({ write: true }), async (found) => {
        await found.write(pattern(block, 21), block + 1);
        contents.set(pattern(block, 21), block + 1);
        await found.sync();
        await expectContents(found, contents, "reopened and written to");
      });
    });

    kit.test("without write is read-only", async ({ contents, subject, close }) => {
      if (!subject.reopen) return;
      await close();
      await withBackend(subject.reopen({ write: false }), async (found) => {
        expectSame(found.capabilities.write, false, "capabilities.write of what was opened read-only");
        await expectRejection(() => found.write(new Uint8Array(1), 0), "ERR_READ_ONLY", "write");
        await expectContents(found, contents, "contents after a refused write");
      });
    });
  });
}
