import type { Extent } from "@instar/backend";
import { describe, expect, it } from "vitest";
import { widened } from "../src/runs.js";
import { all } from "./harness.js";

async function* extents(...parts: [kind: Extent["kind"], length: number][]): AsyncGenerator<Extent> {
  let offset = 0;
  for (const [kind, length] of parts) {
    yield { offset, length, kind };
    offset += length;
  }
}

/** Runs as `[offset, length, holdsData]`. */
async function runs(unit: number, ...parts: [kind: Extent["kind"], length: number][]): Promise<unknown[]> {
  const end = parts.reduce((sum, [, length]) => sum + length, 0);
  return (await all(widened(extents(...parts), unit, end))).map((run) => [run.offset, run.length, run.holdsData]);
}

describe("widened runs", () => {
  it("begin and end at multiples of the unit", async () => {
    expect(await runs(64, ["hole", 130], ["data", 10], ["zero", 200])).toEqual([
      [0, 128, false],
      [128, 64, true],
      [192, 148, false],
    ]);
  });

  it("are joined where they touch", async () => {
    expect(await runs(64, ["data", 10], ["hole", 60], ["data", 10], ["hole", 300], ["data", 1])).toEqual([
      [0, 128, true],
      [128, 192, false],
      [320, 61, true],
    ]);
  });

  it("end where the extents do, and none is empty", async () => {
    expect(await runs(64, ["hole", 100], ["data", 30])).toEqual([
      [0, 64, false],
      [64, 66, true],
    ]);
    expect(await runs(64, ["hole", 100])).toEqual([[0, 100, false]]);
    expect(await runs(64)).toEqual([]);
    expect(await runs(1, ["data", 3], ["hole", 2], ["data", 1])).toEqual([
      [0, 3, true],
      [3, 2, false],
      [5, 1, true],
    ]);
  });
});
