import { expectContents, type Kit, withBackend } from "../kit.js";
import { pattern } from "../random.js";

/** Rules of `sync`. */
export function syncRules(kit: Kit): void {
  if (!kit.capabilities.write) return;
  kit.group("sync", () => {
    kit.test("resolves with nothing to do, again, and side by side", async ({ backend, contents }) => {
      await backend.sync();
      await backend.sync();
      await Promise.all([backend.sync(), backend.sync(), backend.sync()]);
      await expectContents(backend, contents, "contents after syncs");
    });

    kit.test("beside writes leaves them as they are", async ({ backend, contents }) => {
      const calls: Promise<void>[] = [];
      const part = Math.floor(kit.block / 4);
      for (let index = 0; (index + 1) * part <= contents.length; index++) {
        const source = pattern(part, 400 + index);
        contents.set(source, index * part);
        calls.push(backend.write(source, index * part), backend.sync());
      }
      await Promise.all(calls);
      await backend.sync();
      await expectContents(backend, contents, "contents after writes and syncs side by side");
    });

    kit.test("brings what was written before it to the storage", async ({ backend, contents, subject }) => {
      if (!subject.afterCrash) return;
      const { block } = kit;
      const source = pattern(2 * block, 14);
      await backend.write(source, block - 1);
      contents.set(source, block - 1);
      if (kit.capabilities.writeZeroes) {
        await backend.writeZeroes(3, block);
        contents.fill(0, 3, 3 + block);
      }
      await backend.sync();
      await withBackend(subject.afterCrash(), (found) =>
        expectContents(found, contents, "what was found after a sync"),
      );
      await backend.write(pattern(1, 15), 0);
      contents.set(pattern(1, 15), 0);
      await backend.sync();
      await withBackend(subject.afterCrash(), (found) => expectContents(found, contents, "what the next sync brought"));
    });

    if (kit.capabilities.grow || kit.capabilities.truncate) {
      kit.test("brings a new size to the storage", async ({ backend, contents, subject }) => {
        if (!subject.afterCrash) return;
        const size = kit.rounded(contents.length + kit.block + 1);
        const model = new Uint8Array(size);
        model.set(contents);
        if (kit.capabilities.truncate) await backend.truncate(size);
        else {
          await backend.write(pattern(1, 16), size - 1);
          model.set(pattern(1, 16), size - 1);
        }
        await backend.sync();
        await withBackend(subject.afterCrash(), (found) => expectContents(found, model, "what was found after a sync"));
      });
    }
  });
}
