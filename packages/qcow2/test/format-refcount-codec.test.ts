import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { refcountCodec } from "../src/refcount-codec.js";
import { replay } from "./format-support.js";

const orders = [0, 1, 2, 3, 4, 5, 6];
const bits = (order: number): number => 2 ** order;

describe.each(orders)("refcounts of 2^%i bits", (order) => {
  const codec = refcountCodec(order);
  const perBlock = (512 * 8) / bits(order);

  it("come back as they were set, beside neighbours that stay", { timeout: 60_000 }, () => {
    const values = fc.array(fc.tuple(fc.nat(perBlock - 1), fc.maxSafeNat()), { maxLength: 50 });
    fc.assert(
      fc.property(values, (writes) => {
        const block = new Uint8Array(512);
        const model = new Map<number, number>();
        for (const [index, number] of writes) {
          const value = codec.max === 1 ? number % 2 : Math.min(number, codec.max) % (codec.max + 1);
          codec.set(block, index, value);
          model.set(index, value);
        }
        const wrong = Array.from({ length: perBlock }, (_, index) => index).filter(
          (index) => codec.get(block, index) !== (model.get(index) ?? 0),
        );
        expect(wrong).toEqual([]);
      }),
      replay,
    );
  });

  it("hold their maximum, and nothing that is no refcount", () => {
    const block = new Uint8Array(512);
    codec.set(block, 1, codec.max);
    expect([codec.get(block, 0), codec.get(block, 1), codec.get(block, 2)]).toEqual([0, codec.max, 0]);
    for (const value of [codec.max + 1, -1, 0.5, NaN, Infinity]) {
      expect(() => codec.set(block, 0, value)).toThrow(RangeError);
    }
    for (const index of [perBlock, -1]) {
      expect(() => codec.get(block, index)).toThrow(RangeError);
      expect(() => codec.set(block, index, 0)).toThrow(RangeError);
    }
  });
});

describe("refcounts in a block", () => {
  it.each([
    [0, [0b0000_0001, 0b0000_0010], [0, 9]],
    [1, [0b0000_0011, 0b0000_1100], [0, 5]],
    [2, [0b0000_1111, 0b1111_0000], [0, 3]],
  ])("of less than a byte begin at its least significant bits (order %i)", (order, bytes, indexes) => {
    const block = new Uint8Array(2);
    const codec = refcountCodec(order);
    for (const index of indexes) codec.set(block, index, codec.max);
    expect([...block]).toEqual(bytes);
  });

  it("of several bytes are big-endian", () => {
    const block = new Uint8Array(16);
    refcountCodec(6).set(block, 1, 0x1_0203_0405_0607);
    expect([...block]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("of 64 bits from 2^53-1 on are more than the maximum, none of them a smaller number", () => {
    const codec = refcountCodec(6);
    const block = new Uint8Array(8);
    const view = new DataView(block.buffer);
    for (const value of [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      view.setBigUint64(0, value);
      expect(codec.get(block, 0)).toBe(codec.max + 1);
    }
    view.setBigUint64(0, 2n ** 53n - 2n);
    expect(codec.get(block, 0)).toBe(codec.max);
  });

  it("have no other widths", () => {
    for (const order of [-1, 7, 0.5]) expect(() => refcountCodec(order)).toThrow(RangeError);
  });
});
