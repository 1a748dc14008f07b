import { describe, expect, it } from "vitest";

import { SpareBuffers } from "../src/index.js";

describe("spare buffers", () => {
  it("are used again, as long as is asked for, and whole again when a part is given back", () => {
    const buffers = new SpareBuffers(1);
    const first = buffers.take(100);
    buffers.give(first.subarray(10, 20));
    const second = buffers.take(60);
    expect([second.byteLength, second.byteOffset]).toEqual([60, 0]);
    expect(second.buffer).toBe(first.buffer);
    buffers.give(second);
    expect(buffers.take(100).buffer).toBe(first.buffer);
  });

  it("are nobody else's until they are given back", () => {
    const buffers = new SpareBuffers(2);
    expect(buffers.take(10).buffer).not.toBe(buffers.take(10).buffer);
  });

  it("that are too short are not used", () => {
    const buffers = new SpareBuffers(1);
    buffers.give(buffers.take(10));
    expect(buffers.take(11).byteLength).toBe(11);
  });

  it("are kept up to the limit only", () => {
    const buffers = new SpareBuffers(1);
    const [kept, dropped] = [buffers.take(10), buffers.take(10)];
    buffers.give(kept);
    buffers.give(dropped);
    expect(buffers.take(10).buffer).toBe(kept.buffer);
    expect(buffers.take(10).buffer).not.toBe(dropped.buffer);
  });
});
