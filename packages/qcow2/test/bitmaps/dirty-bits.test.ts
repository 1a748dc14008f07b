import { describe, expect, it } from "vitest";

import { clearBitsFrom, DirtyBits, endOfBits, isBitSet, orBytes } from "../../src/dirty-bits.js";
import { Random, seed } from "../interop/random.js";

describe(`bits in chunks (INSTAR_SEED=${seed})`, () => {
  it("are those of the ranges that were set", () => {
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const chunkBytes = random.of(512, 4096);
      const bits = new DirtyBits(9, chunkBytes);
      const model = Array.from({ length: 20_000 }, () => false);
      for (let count = random.below(5); count >= 0; count--) {
        const begin = random.below(19_000 * 512);
        const end = Math.min(20_000 * 512, begin + 1 + random.below(random.of(1, 600, 3000, 5_000_000)));
        bits.set(begin, end);
        model.fill(true, Math.floor(begin / 512), Math.ceil(end / 512));
      }
      const found = model.map((_, bit) => {
        const chunk = bits.chunk(Math.floor(bit / (chunkBytes * 8)));
        return chunk !== undefined && isBitSet(chunk, bit % (chunkBytes * 8));
      });
      expect(found.indexOf(true)).toBe(model.indexOf(true));
      expect(found.every((bit, index) => bit === model[index])).toBe(true);
    }
  });

  it("are found in runs, joined, and cut", () => {
    const random = new Random(seed + 1);
    for (let round = 0; round < 100; round++) {
      const bytes = Uint8Array.from({ length: 40 }, () => random.of(0, 0, 255, 255, random.below(256)));
      const from = random.below(320);
      let end = from;
      while (end < 320 && isBitSet(bytes, end) === isBitSet(bytes, from)) end++;
      expect(endOfBits(bytes, from, 320)).toBe(end);
      expect(endOfBits(bytes, from, Math.min(end, from + 3))).toBe(Math.min(end, from + 3));
      const cut = bytes.slice();
      clearBitsFrom(cut, from);
      for (let bit = 0; bit < 320; bit++) expect(isBitSet(cut, bit)).toBe(bit < from && isBitSet(bytes, bit));
      orBytes(cut, bytes);
      expect(cut).toEqual(bytes);
    }
  });
});
