import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { RangeEngine, type RangeEngineOptions } from "../src/engine/index.js";
import { bytesAt, FakeSource, ManualClock, passing, turns } from "./fake.js";

/** An engine that has seen eight answers, which took 100 ms each to begin. */
async function experienced(options?: RangeEngineOptions): Promise<[ManualClock, FakeSource, RangeEngine]> {
  const clock = new ManualClock();
  const source = new FakeSource();
  const engine = new RangeEngine(source, { clock, hedge: {}, joinGap: 0, backoff: 0, ...options });
  for (let index = 0; index < 8; index++) {
    const read = engine.read(new Uint8Array(4), index * 100);
    await clock.advance(100);
    source.answer(index);
    await read;
  }
  source.requests.length = 0;
  return [clock, source, engine];
}

it("a second request is sent when the first is slower than most, and the faster one wins", async () => {
  const [clock, source, engine] = await experienced();
  const target = new Uint8Array(50);
  const read = engine.read(target, 5000);
  await clock.advance(99);
  expect(source.asked).toEqual(["5000+50"]);
  await clock.advance(1);
  expect(source.asked).toEqual(["5000+50", "5000+50"]);
  source.answer(1);
  expect(source.at(0).cancelled).toBe(true);
  await read;
  expect(target).toEqual(bytesAt(5000, 50));
  expect(engine.counters.hedges).toBe(1);
  await clock.advance(60_000);
  expect(source.requests.length).toBe(2);
});

it("a second request waits for the least delay, however soon answers begin", async () => {
  const [clock, source, engine] = await experienced({ hedge: { minDelay: 250 } });
  const read = engine.read(new Uint8Array(50), 5000);
  await clock.advance(249);
  expect(source.requests.length).toBe(1);
  await clock.advance(1);
  expect(source.requests.length).toBe(2);
  source.answer(0);
  await read;
});

it("no second request is sent when the first has begun to answer", async () => {
  const [clock, source, engine] = await experienced();
  const read = engine.read(new Uint8Array(50), 5000);
  await clock.advance(50);
  source.answer(0, 0, 10);
  await clock.advance(1000);
  source.answer(0, 10);
  await read;
  expect(source.requests.length).toBe(1);
});

it("a second request needs a free place", async () => {
  const [clock, source, engine] = await experienced({ concurrency: 1 });
  const read = engine.read(new Uint8Array(50), 5000);
  await clock.advance(1000);
  expect(source.requests.length).toBe(1);
  source.answer(0);
  await read;
});

it("one of two may fail, and the place of each is free in the end", async () => {
  const [clock, source, engine] = await experienced({ concurrency: 2 });
  const first = engine.read(new Uint8Array(50), 5000);
  await clock.advance(100);
  source.at(0).sink.fail(passing());
  source.answer(1);
  await first;
  const second = engine.read(new Uint8Array(50), 6000);
  const outcome = expect(second).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  await clock.advance(100);
  source.at(3).sink.fail(new BackendError("ERR_NOT_FOUND", "gone"));
  await outcome;
  expect(source.at(2).cancelled).toBe(true);
  const both = [
    engine.read(new Uint8Array(5), 0),
    engine.read(new Uint8Array(5), 900),
    engine.read(new Uint8Array(5), 800),
  ];
  await turns();
  expect(source.requests.length).toBe(6);
  source.answer(4);
  source.answer(5);
  await turns();
  source.answer(6);
  await Promise.all(both);
});

it("two that nobody waits for any more are both called off, and both places are free", async () => {
  const [clock, source, engine] = await experienced({ concurrency: 2 });
  const controller = new AbortController();
  const read = engine.read(new Uint8Array(50), 5000, controller.signal);
  await clock.advance(100);
  controller.abort(new Error("enough"));
  await expect(read).rejects.toThrow("enough");
  expect(source.requests.map(({ cancelled }) => cancelled)).toEqual([true, true]);
  const both = [engine.read(new Uint8Array(5), 0), engine.read(new Uint8Array(5), 900)];
  await turns();
  expect(source.asked.slice(2)).toEqual(["0+5", "900+5"]);
  source.answer(2);
  source.answer(3);
  await Promise.all(both);
});

it("how long the slower of two has taken counts for the next delay", async () => {
  const [clock, source, engine] = await experienced({ hedge: { percentile: 1 } });
  const first = engine.read(new Uint8Array(50), 5000);
  await clock.advance(140);
  source.answer(1);
  await first;
  const second = engine.read(new Uint8Array(50), 6000);
  await clock.advance(139);
  expect(source.requests.length).toBe(3);
  await clock.advance(1);
  expect(source.requests.length).toBe(4);
  source.answer(2);
  await second;
});
