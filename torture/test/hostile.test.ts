import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("hostile images are refused or used, in bounded memory, without a foreign error", { timeout: 900_000 }, async () => {
  const mutants = await examine("hostile", 260);
  const total = Object.values(mutants).reduce((sum, count) => sum + count, 0);
  expect(total).toBeGreaterThan(100_000);
  expect(Object.keys(mutants)).toHaveLength(5);
});
