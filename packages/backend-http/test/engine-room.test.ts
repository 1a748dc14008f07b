import { expect, it } from "vitest";
import { HttpClient, HttpRangeSource, type HttpTarget, rangeCounters, RangeEngine } from "../src/engine/index.js";
import { http1Transport } from "../src/http1/http1-transport.js";
import { bytesAt, FakeSource, ManualClock, passing, turns } from "./fake.js";
import { fakeWires } from "./fake-wire.js";

/** Has the n-th request answered from a place in it on, as far as there is room for it; returns how many bytes that was. */
function fill(source: FakeSource, index: number, from: number): number {
  const { sink, offset } = source.at(index);
  const room = sink.room?.();
  if (!room) return 0;
  room.set(bytesAt(offset + from, room.length));
  sink.data(room);
  return room.length;
}

it("a read gives its own memory for what it asked for", async () => {
  const source = new FakeSource();
  const target = new Uint8Array(100);
  const read = new RangeEngine(source).read(target, 50);
  await turns();
  const { sink } = source.at(0);
  sink.begin();
  expect(sink.room?.()).toMatchObject({ buffer: target.buffer, byteOffset: 0, length: 100 });
  sink.data(bytesAt(50, 30));
  expect(sink.room?.()).toMatchObject({ buffer: target.buffer, byteOffset: 30, length: 70 });
  expect(fill(source, 0, 30)).toBe(70);
  sink.end();
  await read;
  expect(target).toEqual(bytesAt(50, 100));
});

it("reads that are joined give theirs one after the other, and none for what lies between them", async () => {
  const source = new FakeSource();
  const [first, second] = [new Uint8Array(10), new Uint8Array(20)];
  const engine = new RangeEngine(source);
  const reads = Promise.all([engine.read(first, 0), engine.read(second, 15)]);
  await turns();
  source.at(0).sink.begin();
  expect(fill(source, 0, 0)).toBe(10);
  expect(fill(source, 0, 10)).toBe(0);
  source.at(0).sink.data(bytesAt(10, 5));
  expect(fill(source, 0, 15)).toBe(20);
  source.at(0).sink.end();
  await reads;
  expect([first, second]).toEqual([bytesAt(0, 10), bytesAt(15, 20)]);
});

it("where reads overlap what is for both is put into none", async () => {
  const source = new FakeSource();
  const [first, second] = [new Uint8Array(20), new Uint8Array(20)];
  const engine = new RangeEngine(source);
  const reads = Promise.all([engine.read(first, 0), engine.read(second, 10)]);
  await turns();
  source.at(0).sink.begin();
  expect(fill(source, 0, 0)).toBe(10);
  expect(fill(source, 0, 10)).toBe(0);
  source.at(0).sink.data(bytesAt(10, 10));
  expect(fill(source, 0, 20)).toBe(10);
  source.at(0).sink.end();
  await reads;
  expect([first, second]).toEqual([bytesAt(0, 20), bytesAt(10, 20)]);
});

it("who joins a request in flight has a copy of what comes into the memory of another", async () => {
  const source = new FakeSource();
  const [first, second] = [new Uint8Array(20), new Uint8Array(20)];
  const engine = new RangeEngine(source);
  const read = engine.read(first, 0);
  await turns();
  const { sink } = source.at(0);
  sink.begin();
  const room = sink.room?.();
  const joined = engine.read(second, 0);
  room?.set(bytesAt(0, 20));
  sink.data(room ?? new Uint8Array(0));
  sink.end();
  await Promise.all([read, joined]);
  expect([source.asked, first, second]).toEqual([["0+20"], bytesAt(0, 20), bytesAt(0, 20)]);
});

it("a request whose next bytes go to one who left is called off, and asked anew for the others", async () => {
  const source = new FakeSource();
  const engine = new RangeEngine(source);
  const controller = new AbortController();
  const [mine, other] = [new Uint8Array(20), new Uint8Array(15)];
  const left = engine.read(mine, 0, controller.signal);
  await turns();
  const { sink } = source.at(0);
  sink.begin();
  sink.data(bytesAt(0, 5));
  sink.room?.();
  const stays = engine.read(other, 5);
  controller.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  expect(source.at(0).cancelled).toBe(true);
  expect(source.asked).toEqual(["0+20", "5+15"]);
  source.answer(1);
  await stays;
  expect(other).toEqual(bytesAt(5, 15));
});

it("who leaves in the pause before a retry changes nothing for the others: one request, after the pause", async () => {
  const clock = new ManualClock();
  const source = new FakeSource();
  const engine = new RangeEngine(source, { clock, random: () => 1, concurrency: 1 });
  const controller = new AbortController();
  const left = engine.read(new Uint8Array(20), 0, controller.signal);
  await turns();
  const { sink } = source.at(0);
  sink.begin();
  sink.data(bytesAt(0, 5));
  sink.room?.();
  const other = new Uint8Array(15);
  const stays = engine.read(other, 5);
  sink.fail(passing());
  controller.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  await clock.advance(199);
  expect(source.asked).toEqual(["0+20"]);
  await clock.advance(1000);
  expect(source.asked).toEqual(["0+20", "5+15"]);
  source.answer(1);
  await stays;
  expect(other).toEqual(bytesAt(5, 15));
});

it.each([
  ["a redirect", "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 30\r\n\r\n"],
  ["a refusal", "HTTP/1.1 503 Slow Down\r\ncontent-length: 30\r\n\r\n"],
  [
    "more than was announced",
    "HTTP/1.1 206 OK\r\ncontent-range: bytes 0-9/99\r\ntransfer-encoding: chunked\r\n\r\n1e\r\n",
  ],
])("the body of %s goes to nobody", async (_, head) => {
  const { wires, open } = fakeWires();
  const name = "http://host/a";
  const target: HttpTarget = { name, prepare: (method, headers) => ({ method, url: name, headers }) };
  const client = new HttpClient(http1Transport(open), { name, counters: rangeCounters() });
  const clock = new ManualClock();
  const engine = new RangeEngine(
    new HttpRangeSource(client, target, { size: 99, etag: undefined, lastModified: undefined }),
    {
      clock,
    },
  );
  const controller = new AbortController();
  const memory = new Uint8Array(40);
  const read = engine.read(memory, 0, controller.signal);
  await turns();
  wires[0]?.events.connected();
  wires[0]?.receive(`${head}${"x".repeat(30)}`);
  controller.abort(new Error("enough"));
  await expect(read).rejects.toThrow(Error);
  expect([...memory.subarray(10)].every((byte) => byte === 0)).toBe(true);
});
