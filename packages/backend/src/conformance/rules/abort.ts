import { expectBytes, expectFilled, expectSame, expectThat, fail, rejection } from "../assert.js";
import { expectContents, type Kit, readRange, turns } from "../kit.js";
import { supportedMethods } from "../methods.js";
import { pattern } from "../random.js";

/** How many promise turns after its start a call is aborted. */
const MOMENTS = [0, 1, 2, 3, 5, 8, 13, 40];

/** Aborts a call some turns after its start. Gives whether it resolved; what it rejects with must be the reason. */
async function aborted(moment: number, call: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
  const controller = new AbortController();
  const reason = new Error(`aborted by the kit after ${moment} turns`);
  const outcome = call(controller.signal).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  await turns(moment);
  controller.abort(reason);
  const failed = await outcome;
  if (failed && failed.error !== reason) fail(`an abort must reject with signal.reason, not ${String(failed.error)}`);
  return !failed;
}

/** Rules of `CallOptions.signal`. */
export function abortRules(kit: Kit): void {
  const { block, capabilities } = kit;
  kit.group("abort", () => {
    for (const { name, call } of supportedMethods(capabilities)) {
      kit.test(`before ${name} rejects with signal.reason and changes nothing`, async ({ backend, contents }) => {
        const reason = { why: "the kit wants it" };
        const signal = AbortSignal.abort(reason);
        const error = await rejection(
          () => call(backend, contents.length, { signal }),
          `${name} with an aborted signal`,
        );
        expectThat(error === reason, `${name} must reject with signal.reason, not ${String(error)}`);
        await expectContents(backend, contents, `contents after an aborted ${name}`);
      });
    }

    kit.test("of a read in flight settles it, and the target is left alone from then on", async (trial) => {
      const { backend, contents } = trial;
      for (const moment of MOMENTS) {
        const target = new Uint8Array(3 * block);
        const done = await aborted(moment, (signal) => backend.read(target, 1, { signal }));
        if (done) expectBytes(target, contents.subarray(1, 1 + 3 * block), "target of a read that resolved");
        target.fill(0xa5);
        await expectContents(backend, contents, "contents after an aborted read");
        await turns(20);
        expectFilled(target, 0xa5, "target of a read that had settled");
      }
    });

    kit.test("of one read does not fail another of the same range", async ({ backend, contents }) => {
      for (const moment of MOMENTS) {
        const mine = aborted(moment, (signal) => readRange(backend, 1, 2 * block, { signal }));
        const [found] = await Promise.all([readRange(backend, 1, 2 * block), mine]);
        expectBytes(found, contents.subarray(1, 1 + 2 * block), "the other read");
      }
    });

    kit.test("after the end of a call does nothing", async ({ backend, contents }) => {
      const controller = new AbortController();
      await readRange(backend, 0, block, { signal: controller.signal });
      controller.abort();
      await expectContents(backend, contents, "contents after a late abort");
    });

    if (!capabilities.write) return;

    kit.test("of a change in flight settles it, and touches nothing outside its range", async (trial) => {
      const { backend, contents } = trial;
      const [offset, length] = [block + 1, block + 2];
      const changes = [(signal: AbortSignal) => backend.write(pattern(length, 22), offset, { signal })];
      if (capabilities.writeZeroes) changes.push((signal) => backend.writeZeroes(offset, length, { signal }));
      if (capabilities.discard) changes.push((signal) => backend.discard(offset, length, { signal }));
      if (capabilities.allocate) changes.push((signal) => backend.allocate(offset, length, { signal }));
      changes.push((signal) => backend.sync({ signal }));
      for (const change of changes) {
        for (const moment of MOMENTS) {
          await aborted(moment, change);
          contents.set(await readRange(backend, offset, length), offset);
          await expectContents(backend, contents, "contents after an aborted change");
          const source = pattern(length, 23 + moment);
          await backend.write(source, offset);
          contents.set(source, offset);
          await expectContents(backend, contents, "contents after a write that followed an abort");
        }
      }
      await backend.sync();
    });

    kit.test("of one write does not fail another into the same block", async ({ backend, contents }) => {
      for (const moment of MOMENTS) {
        const source = pattern(7, 24 + moment);
        const mine = aborted(moment, (signal) => backend.write(source, block + 1, { signal }));
        await Promise.all([backend.write(source, block + 8), mine]);
        expectSame(backend.size, contents.length, "size");
        expectBytes(await readRange(backend, block + 8, 7), source, "bytes of the other write");
      }
    });
  });
}
