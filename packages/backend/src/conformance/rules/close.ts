import { expectBytes, expectRejection, expectSame, fail } from "../assert.js";
import { expectContents, type Kit, turns, withBackend } from "../kit.js";
import { methods } from "../methods.js";
import { pattern } from "../random.js";

/** Rules of `close`. */
export function closeRules(kit: Kit): void {
  const { block, capabilities } = kit;
  kit.group("close", () => {
    kit.test("can be called again, also at once", async ({ backend, close }) => {
      await Promise.all([close(), backend.close()]);
      await backend.close();
    });

    for (const { name, call } of methods) {
      kit.test(`makes ${name} reject with ERR_CLOSED`, async ({ backend, close }) => {
        await close();
        await expectRejection(() => call(backend, 1), "ERR_CLOSED", `${name} after close`);
      });
    }

    kit.test("waits for the calls under way, and they succeed", async ({ backend, contents, subject, close }) => {
      const failures: unknown[] = [];
      let waiting = 0;
      const start = (call: Promise<void>): void => {
        waiting++;
        void call.catch((error: unknown) => failures.push(error)).finally(() => waiting--);
      };
      const targets = [0, 1, 2].map((at) => ({ at: at * block, target: new Uint8Array(block) }));
      for (const { at, target } of targets) start(backend.read(target, at));
      const source = pattern(block, 25);
      if (capabilities.write) start(backend.write(source, 3 * block + 1));
      await close();
      // The promises that `waiting` counts may settle a few turns after that of the close they let go on.
      await turns(20);
      expectSame(waiting, 0, "calls that were still under way when close resolved");
      if (failures.length > 0) fail(`a call that began before close failed: ${String(failures[0])}`);
      for (const { at, target } of targets) {
        expectBytes(target, contents.subarray(at, at + block), `read at ${at} that began before close`);
      }
      if (!capabilities.write || !subject.reopen) return;
      contents.set(source, 3 * block + 1);
      await withBackend(subject.reopen({ write: false }), (found) => expectContents(found, contents, "reopened"));
    });

    kit.test("keeps reads from touching their targets later", async ({ backend, contents, close }) => {
      const target = new Uint8Array(contents.length);
      const read = backend.read(target, 0);
      await Promise.all([read, close()]);
      target.fill(0xa5);
      await expectRejection(() => backend.read(target, 0), "ERR_CLOSED", "read after close");
      await turns(20);
      expectBytes(target, new Uint8Array(contents.length).fill(0xa5), "target");
    });
  });
}
