import { BackendError } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { RangeEngine, type RangeEngineOptions } from "../src/engine/index.js";
import { bytesAt, FakeSource, ManualClock, passing, turns } from "./fake.js";

function setUp(options?: RangeEngineOptions): { clock: ManualClock; source: FakeSource; engine: RangeEngine } {
  const clock = new ManualClock();
  const source = new FakeSource();
  const engine = new RangeEngine(source, { clock, random: () => 0.5, backoff: 100, maxBackoff: 1000, ...options });
  return { clock, source, engine };
}

describe("a request that fails for a moment", () => {
  it("is tried again after delays that double, with jitter, up to a bound", async () => {
    const { clock, source, engine } = setUp({ retries: 6 });
    const read = engine.read(new Uint8Array(10), 0);
    await turns();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      source.at(attempt).sink.fail(passing());
      delays.push(clock.pending[0] ?? Number.NaN);
      await clock.advance(1000);
    }
    expect(delays).toEqual([50, 100, 200, 400, 500, 500]);
    source.answer(6);
    await read;
    expect(engine.counters.retries).toBe(6);
  });

  it("is given up after so many times, and the error says so", async () => {
    const { clock, source, engine } = setUp({ retries: 2 });
    const read = engine.read(new Uint8Array(10), 0);
    const outcome = expect(read).rejects.toMatchObject({
      code: "ERR_IO",
      retryable: true,
      message: "busy; gave up after 3 attempts",
    });
    for (let attempt = 0; attempt < 3; attempt++) {
      await clock.advance(1000);
      source.at(attempt).sink.fail(passing());
    }
    await outcome;
    expect(source.requests.length).toBe(3);
  });

  it("waits as long as the server asks", async () => {
    const { clock, source, engine } = setUp();
    const read = engine.read(new Uint8Array(10), 0);
    await turns();
    source.at(0).sink.fail(passing(), 7000);
    await clock.advance(6999);
    expect(source.requests.length).toBe(1);
    await clock.advance(1);
    source.answer(1);
    await read;
  });

  it("is given up at once when the server asks for too long a pause", async () => {
    const { source, engine } = setUp({ maxRetryAfter: 5000 });
    const read = engine.read(new Uint8Array(10), 0);
    await turns();
    source.at(0).sink.fail(passing(), 7000);
    await expect(read).rejects.toMatchObject({ message: "busy; the server asks for a pause of 7 s" });
  });
});

it("a failure that will not pass is reported at once, to everybody who waits", async () => {
  const { source, engine } = setUp();
  const reads = [engine.read(new Uint8Array(10), 0), engine.read(new Uint8Array(10), 5)];
  const settled = Promise.allSettled(reads);
  await turns();
  const error = new BackendError("ERR_CHANGED", "replaced");
  source.at(0).sink.fail(error);
  for (const outcome of await settled) expect(outcome).toMatchObject({ status: "rejected", reason: error });
  expect(source.requests.length).toBe(1);
});

it("an answer cut short is resumed from where it stopped", async () => {
  const { clock, source, engine } = setUp();
  const target = new Uint8Array(100);
  const read = engine.read(target, 1000);
  await turns();
  source.answer(0, 0, 30);
  source.at(0).sink.fail(passing());
  await clock.advance(1000);
  source.answer(1, 0, 20);
  source.at(1).sink.end();
  await clock.advance(1000);
  source.answer(2);
  await read;
  expect(source.asked).toEqual(["1000+100", "1030+70", "1050+50"]);
  expect(target).toEqual(bytesAt(1000, 100));
});

it("attempts that bring something do not use up the retries", async () => {
  const { clock, source, engine } = setUp({ retries: 1, minProgress: 10 });
  const read = engine.read(new Uint8Array(100), 0);
  await turns();
  for (let attempt = 0; attempt < 9; attempt++) {
    source.answer(attempt, 0, 10);
    source.at(attempt).sink.fail(passing());
    await clock.advance(1000);
  }
  source.answer(9);
  await read;
});

describe("a request without progress", () => {
  it("counts as lost when nothing comes", async () => {
    const { clock, source, engine } = setUp({ stallTimeout: 5000, backoff: 0 });
    const read = engine.read(new Uint8Array(10), 0);
    await clock.advance(4999);
    expect(source.at(0).cancelled).toBe(false);
    await clock.advance(1);
    expect(source.at(0).cancelled).toBe(true);
    await clock.advance(1);
    source.answer(1);
    await read;
    expect(clock.pending).toEqual([]);
  });

  it("counts as lost when it comes by drops, and is resumed, and given up in the end", async () => {
    const { clock, source, engine } = setUp({ stallTimeout: 5000, minProgress: 16, backoff: 0, retries: 2 });
    const read = engine.read(new Uint8Array(1000), 0);
    const outcome = expect(read).rejects.toMatchObject({ code: "ERR_IO", retryable: true });
    for (let attempt = 0; attempt < 3; attempt++) {
      await turns();
      for (let drop = 0; drop < 5; drop++) {
        source.answer(attempt, drop, 1);
        await clock.advance(1000);
      }
      await clock.advance(1);
    }
    await outcome;
    expect(source.asked).toEqual(["0+1000", "5+995", "10+990"]);
  });

  it("is let be as long as enough comes", async () => {
    const { clock, source, engine } = setUp({ stallTimeout: 5000, minProgress: 16 });
    const read = engine.read(new Uint8Array(160), 0);
    await turns();
    for (let part = 0; part < 10; part++) {
      await clock.advance(4900);
      source.answer(0, part * 16, 16);
    }
    await read;
    expect(source.requests.length).toBe(1);
  });
});
