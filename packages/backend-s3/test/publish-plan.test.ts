import { describe, expect, it } from "vitest";
import { S3Address } from "../src/address.js";
import { wantsEqualParts } from "../src/conditions.js";
import { type ByteRange, type PartRules, type PlannedPart, planParts } from "../src/publish-plan.js";

const rules: PartRules = { least: 10, mostCopied: 100, parts: 20, upload: 30, equal: false };
const text = (parts: readonly PlannedPart[]): string =>
  parts.map(({ start, end, copy }) => `${copy ? "copy" : "send"} ${start}-${end}`).join(", ");

describe("a version is cut into parts", () => {
  it.each<[string, number, [number, number][], string]>([
    ["nothing", 0, [], ""],
    ["nothing that changed", 55, [], "copy 0-55"],
    ["a byte in the middle", 55, [[25, 26]], "copy 0-20, send 20-30, copy 30-55"],
    ["a byte at the end", 55, [[54, 55]], "copy 0-50, send 50-55"],
    ["a byte on either side of a boundary", 55, [[9, 11]], "send 0-20, copy 20-55"],
    ["changes of neighbouring cells", 55, [[1, 2], [11, 12]], "send 0-20, copy 20-55"], // prettier-ignore
    ["changes of one cell", 55, [[1, 2], [8, 9]], "send 0-10, copy 10-55"], // prettier-ignore
    ["a long change", 95, [[5, 75]], "send 0-30, send 30-60, send 60-80, copy 80-95"],
    ["a long copy", 250, [[0, 1]], "send 0-10, copy 10-110, copy 110-210, copy 210-250"],
    ["changes beyond the end", 15, [[12, 40], [50, 60]], "copy 0-10, send 10-15"], // prettier-ignore
  ])("%s", (_, size, changed, expected) => {
    expect(text(planParts(size, changed.map(([start, end]) => ({ start, end })), rules))).toBe(expected); // prettier-ignore
  });

  it("with larger cells where there would be too many", () => {
    const changed = Array.from({ length: 50 }, (_, index) => ({ start: index * 20, end: index * 20 + 1 }));
    const parts = planParts(1000, changed, rules);
    expect(parts.length).toBeLessThanOrEqual(20);
    expect(parts.every(({ start, end }) => end - start >= 10)).toBe(true);
  });

  it.each<[number, number, [number, number][]]>([
    [95, 30, [[25, 26]]],
    [95, 30, [[5, 75]]],
    [600, 30, [[0, 1], [599, 600]]], // prettier-ignore
    [601, 60, [[0, 601]]],
    [250, 30, []],
  ])("of one size where the store wants that: %i bytes by %i", (size, step, changed) => {
    const parts = planParts(size, changed.map(([start, end]) => ({ start, end })), { ...rules, equal: true }); // prettier-ignore
    expect(parts.map(({ start }) => start)).toEqual(parts.map((_, index) => index * step));
    expect(parts.map(({ end }) => end)).toEqual([...parts.slice(1).map(({ start }) => start), size]);
    expect(parts.length).toBeLessThanOrEqual(20);
    for (const { start, end, copy } of parts) {
      expect(copy).toBe(!changed.some(([first, behind]) => first < end && behind > start));
    }
  });

  it.each([
    ["https://account.r2.cloudflarestorage.com", true],
    ["https://s3.eu-west-1.amazonaws.com", false],
    ["https://r2.example", false],
  ])("and the store at %s is known to want that: %s", (endpoint, expected) => {
    expect(wantsEqualParts(new S3Address({ bucket: "bucket", key: "disk", endpoint }))).toBe(expected);
  });

  it("that cover it, keep the rules and send every change, whatever the changes are", () => {
    const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    let state = seed;
    const below = (limit: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return Math.floor((state / 2 ** 31) * limit);
    };
    for (let run = 0; run < 500; run++) {
      const size = below(1500);
      const changed: ByteRange[] = [];
      for (let at = below(100); at < size; at += 1 + below(200)) {
        const end = at + 1 + below(50);
        changed.push({ start: at, end });
        at = end;
      }
      const parts = planParts(size, changed, rules);
      const what = `seed ${seed}, run ${run}`;
      expect(parts.length, what).toBeLessThanOrEqual(rules.parts);
      let at = 0;
      for (const [index, part] of parts.entries()) {
        expect(part.start, what).toBe(at);
        at = part.end;
        if (index < parts.length - 1) expect(part.end - part.start, what).toBeGreaterThanOrEqual(rules.least);
        const touched = changed.some(({ start, end }) => start < part.end && end > part.start);
        if (part.copy) expect([touched, part.end - part.start <= rules.mostCopied], what).toEqual([false, true]);
      }
      expect(at, what).toBe(size);
    }
  });
});
