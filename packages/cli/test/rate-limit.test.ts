import { describe, expect, it } from "vitest";
import { RateLimit } from "../src/rate-limit.js";

describe("RateLimit", () => {
  it("lets bytes pass when those before them are paid for", async () => {
    let now = 5000;
    const waits: number[] = [];
    const limit = new RateLimit(
      1000,
      () => now,
      async (milliseconds) => {
        waits.push(milliseconds);
        now += milliseconds;
      },
    );
    await limit.pass(500);
    expect(waits).toEqual([]);
    await limit.pass(250);
    await limit.pass(1);
    expect(waits).toEqual([500, 250]);
    now += 60_000;
    await limit.pass(2000);
    expect(waits).toHaveLength(2);
    await limit.pass(1);
    expect(waits.at(-1)).toBe(2000);
  });
});
