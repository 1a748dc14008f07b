import { expect, it } from "vitest";
import { RangeEngine } from "../src/engine/index.js";
import { bytesAt, FakeSource, ManualClock, passing, turns } from "./fake.js";

function abortable(): { readonly signal: AbortSignal; readonly reason: Error; readonly abort: () => void } {
  const controller = new AbortController();
  const reason = new Error("enough");
  return { signal: controller.signal, reason, abort: () => controller.abort(reason) };
}

it("an abort ends the wait of one, and leaves the request to the other", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source);
  const { signal, reason, abort } = abortable();
  const [mine, other] = [new Uint8Array(100), new Uint8Array(100)];
  const aborted = engine.read(mine, 0, signal);
  const kept = engine.read(other, 0);
  await turns();
  expect(source.asked).toEqual(["0+100"]);
  source.answer(0, 0, 10);
  abort();
  await expect(aborted).rejects.toBe(reason);
  expect(source.at(0).cancelled).toBe(false);
  mine.fill(0xee);
  source.answer(0, 10);
  await kept;
  expect(other).toEqual(bytesAt(0, 100));
  expect(mine.every((byte) => byte === 0xee)).toBe(true);
});

it("the request is called off when the last one leaves, and its place is free", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source, { concurrency: 1, joinGap: 0 });
  const [one, two] = [abortable(), abortable()];
  const reads = [engine.read(new Uint8Array(9), 0, one.signal), engine.read(new Uint8Array(9), 0, two.signal)];
  const next = engine.read(new Uint8Array(5), 1000);
  const settled = Promise.allSettled(reads);
  await turns();
  one.abort();
  expect(source.at(0).cancelled).toBe(false);
  two.abort();
  expect(source.at(0).cancelled).toBe(true);
  await settled;
  await turns();
  expect(source.asked).toEqual(["0+9", "1000+5"]);
  source.answer(1);
  await next;
});

it("a read that still waits is not asked for after its abort", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source, { concurrency: 1, joinGap: 0 });
  const first = engine.read(new Uint8Array(5), 0);
  await turns();
  const { signal, reason, abort } = abortable();
  const second = engine.read(new Uint8Array(5), 100, signal);
  abort();
  await expect(second).rejects.toBe(reason);
  source.answer(0);
  await first;
  await turns();
  expect(source.asked).toEqual(["0+5"]);
});

it("an abort during a pause before a retry ends it all", async () => {
  const clock = new ManualClock();
  const source = new FakeSource();
  const engine = new RangeEngine(source, { clock });
  const { signal, reason, abort } = abortable();
  const read = engine.read(new Uint8Array(5), 0, signal);
  await turns();
  source.at(0).sink.fail(passing());
  abort();
  await expect(read).rejects.toBe(reason);
  expect(clock.pending).toEqual([]);
});

it("what has been withdrawn is not asked for again by a retry", async () => {
  const clock = new ManualClock();
  const source = new FakeSource();
  const engine = new RangeEngine(source, { clock, joinGap: 0 });
  const ends = [abortable(), abortable()];
  const reads = [
    engine.read(new Uint8Array(10), 0, ends[0]?.signal),
    engine.read(new Uint8Array(10), 10),
    engine.read(new Uint8Array(10), 20, ends[1]?.signal),
  ];
  const settled = Promise.allSettled(reads);
  await turns();
  source.at(0).sink.fail(passing());
  for (const end of ends) end.abort();
  await clock.advance(1000);
  expect(source.asked).toEqual(["0+30", "10+10"]);
  source.answer(1);
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
});
