import { expect, it } from "vitest";
import { pattern, readRange } from "./bytes.js";
import { holdCalls, settled, setUp } from "./setup.js";

const reason = new Error("not wanted any more");

it("by one of two who wait for a block does not fail the other, nor end the read", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  const { promise, resolve } = Promise.withResolvers<void>();
  let signal: AbortSignal | undefined;
  below.before = (_call, options) => {
    signal = options?.signal;
    return promise;
  };
  const controller = new AbortController();
  const mine = cache.read(new Uint8Array(1000), 0, { signal: controller.signal });
  const other = readRange(cache, 100, 1000);
  await settled();
  controller.abort(reason);
  await expect(mine).rejects.toBe(reason);
  expect(signal?.aborted).toBe(false);
  resolve();
  expect(await other).toEqual(contents.subarray(100, 1100));
  expect(below.of("read")).toEqual(["0+1536"]);
});

it("by all who wait for the blocks of one read ends it, and the next read begins anew", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  let signal: AbortSignal | undefined;
  below.before = async (_call, options) => {
    signal ??= options?.signal;
    if (signal === options?.signal) await new Promise<void>((go) => signal?.addEventListener("abort", () => go()));
  };
  const controllers = [new AbortController(), new AbortController()];
  const reads = controllers.map((controller, at) =>
    cache.read(new Uint8Array(1024), at * 1024, { signal: controller.signal }),
  );
  await settled();
  controllers[0]?.abort(reason);
  await expect(reads[0]).rejects.toBe(reason);
  expect(signal?.aborted).toBe(false);
  controllers[1]?.abort(reason);
  await expect(reads[1]).rejects.toBe(reason);
  expect(signal?.aborted).toBe(true);
  expect(await readRange(cache, 0, 2048)).toEqual(contents.subarray(0, 2048));
});

it("of a read that waits its turn takes it from the queue", async () => {
  const { cache, below, contents } = setUp(16 * 512, { parallel: 1 });
  const held = holdCalls(below, "read");
  const first = readRange(cache, 0, 1);
  await settled();
  const controller = new AbortController();
  const waiting = cache.read(new Uint8Array(1), 1024, { signal: controller.signal });
  await settled();
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  const again = readRange(cache, 1024, 3);
  held.open();
  expect(await first).toEqual(contents.subarray(0, 1));
  expect(await again).toEqual(contents.subarray(1024, 1027));
  expect(below.of("read")).toEqual(["0+512", "1024+512"]);
});

it("of a sync ends the wait alone: what it began is completed", async () => {
  const { cache, below, stored } = setUp(16 * 512);
  const source = pattern(512, 1);
  await cache.write(source, 0);
  const held = holdCalls(below, "write");
  const controller = new AbortController();
  const sync = cache.sync({ signal: controller.signal });
  await settled();
  controller.abort(reason);
  await expect(sync).rejects.toBe(reason);
  held.open();
  await settled();
  expect(stored().subarray(0, 512)).toEqual(source);
  await cache.close();
});

it("of zeroes that wait for a call under way changes nothing", async () => {
  const { cache, below, contents } = setUp(16 * 512);
  const held = holdCalls(below, "read");
  const read = readRange(cache, 0, 512);
  await settled();
  const controller = new AbortController();
  const zeroes = cache.writeZeroes(0, 512, { signal: controller.signal });
  await settled();
  controller.abort(reason);
  await expect(zeroes).rejects.toBe(reason);
  held.open();
  expect(await read).toEqual(contents.subarray(0, 512));
  expect(await readRange(cache, 0, 600)).toEqual(contents.subarray(0, 600));
  expect(below.of("writeZeroes")).toEqual([]);
});
