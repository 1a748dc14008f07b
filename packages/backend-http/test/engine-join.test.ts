import { describe, expect, it } from "vitest";
import { RangeEngine } from "../src/engine/index.js";
import { bytesAt, FakeSource, turns } from "./fake.js";

describe("reads that wait", () => {
  it("share a request when they touch, overlap or lie close", async () => {
    const source = new FakeSource();
    const engine = new RangeEngine(source, { joinGap: 10 });
    const ranges = [
      [100, 50],
      [150, 50],
      [190, 30],
      [230, 20],
      [261, 5],
    ] as const;
    const reads = ranges.map(async ([offset, length]) => {
      const target = new Uint8Array(length);
      await engine.read(target, offset);
      expect(target).toEqual(bytesAt(offset, length));
    });
    await turns();
    expect(source.asked).toEqual(["100+150", "261+5"]);
    expect(engine.counters.joined).toBe(3);
    source.answer(0, 0, 97);
    source.answer(0, 97);
    source.answer(1);
    await Promise.all(reads);
  });

  it("share a request with the oldest of them, whichever side of it they lie on", async () => {
    const source = new FakeSource();
    const engine = new RangeEngine(source, { joinGap: 10 });
    const reads = [500, 481, 519, 300].map((offset) => engine.read(new Uint8Array(10), offset));
    await turns();
    expect(source.asked).toEqual(["481+48", "300+10"]);
    source.answer(0);
    source.answer(1);
    await Promise.all(reads);
  });

  it("are joined to no more than the size of a split", async () => {
    const source = new FakeSource();
    const engine = new RangeEngine(source, { splitSize: 100 });
    const reads = [0, 40, 80, 120].map((offset) => engine.read(new Uint8Array(40), offset));
    await turns();
    expect(source.asked).toEqual(["0+80", "80+80"]);
    source.answer(0);
    source.answer(1);
    await Promise.all(reads);
  });

  it("are served in the order of their coming", async () => {
    const source = new FakeSource();
    const engine = new RangeEngine(source, { concurrency: 1, joinGap: 0 });
    const reads = [500, 900, 100].map((offset) => engine.read(new Uint8Array(10), offset));
    for (let index = 0; index < 3; index++) {
      await turns();
      expect(source.requests.length).toBe(index + 1);
      source.answer(index);
    }
    await Promise.all(reads);
    expect(source.asked).toEqual(["500+10", "900+10", "100+10"]);
  });
});

it("a read joins the request under way that has all of it still to come", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source);
  const first = engine.read(new Uint8Array(100), 0);
  await turns();
  source.answer(0, 0, 50);
  const target = new Uint8Array(30);
  const second = engine.read(target, 60);
  const late = engine.read(new Uint8Array(30), 40);
  await turns();
  expect(source.asked).toEqual(["0+100", "40+30"]);
  source.answer(0, 50);
  await Promise.all([first, second]);
  expect(target).toEqual(bytesAt(60, 30));
  source.answer(1);
  await late;
  expect(engine.counters.joined).toBe(1);
});

it("a big read is split evenly, and never more requests than allowed are in flight", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source, { splitSize: 100, concurrency: 2, joinGap: 0 });
  const target = new Uint8Array(450);
  const read = engine.read(target, 7);
  for (let index = 0; index < 5; index++) {
    await turns();
    expect(source.requests.length).toBe(Math.min(5, index + 2));
    source.answer(index);
  }
  await read;
  expect(source.asked).toEqual(["7+90", "97+90", "187+90", "277+90", "367+90"]);
  expect(target).toEqual(bytesAt(7, 450));
});
