import { describe, expect, it } from "vitest";

import { type Access, isLinearizable } from "../src/concurrency/linearizable.ts";
import { examine } from "./examine.ts";

it("64 tasks at once see every sector as one that changes at moments", { timeout: 900_000 }, async () => {
  const { "requests side by side": requests } = await examine("concurrency", 120);
  expect(requests).toBeGreaterThan(150_000);
});

describe("the checker", () => {
  const access = (kind: Access["kind"], value: number, begin: number, end: number): Access => {
    return { kind, value, begin, end };
  };

  it("accepts a read that gives either value while a write is under way", () => {
    const write = access("write", 2, 1, 9);
    expect(isLinearizable([write, access("read", 1, 2, 3), access("read", 2, 4, 5)], 1)).toBe(true);
  });

  it("refuses a value that went away before the read began, and one that was never written", () => {
    expect(isLinearizable([access("write", 2, 1, 2), access("read", 1, 3, 4)], 1)).toBe(false);
    expect(isLinearizable([access("read", 7, 3, 4)], 1)).toBe(false);
  });

  it("refuses a value that comes back after another was seen", () => {
    const write = access("write", 2, 1, 9);
    expect(isLinearizable([write, access("read", 2, 2, 3), access("read", 1, 4, 5)], 1)).toBe(false);
  });

  it("lets what perhaps was written be there or not, but not come and go", () => {
    const maybe = access("maybe", 0, 1, 2);
    expect(isLinearizable([maybe, access("read", 0, 3, 4)], 1)).toBe(true);
    expect(isLinearizable([maybe, access("read", 1, 3, 4)], 1)).toBe(true);
    expect(isLinearizable([maybe, access("read", 0, 3, 4), access("read", 1, 5, 6)], 1)).toBe(false);
  });

  it("lets a write that nobody reads wait for as long as it is under way", () => {
    const writes = [access("maybe", 5, 1, 3), access("write", 6, 2, 9)];
    expect(isLinearizable([...writes, access("read", 1, 4, 5)], 1)).toBe(true);
    expect(isLinearizable([...writes, access("read", 1, 10, 11)], 1)).toBe(false);
  });

  it("orders two writes by what was read between them", () => {
    const writes = [access("write", 2, 1, 9), access("write", 3, 1, 9)];
    expect(isLinearizable([...writes, access("read", 3, 2, 3), access("read", 2, 10, 11)], 1)).toBe(true);
    expect(isLinearizable([...writes, access("read", 3, 10, 11), access("read", 2, 12, 13)], 1)).toBe(false);
  });
});
