import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("inputs that are bred for new paths through the parsers are refused or used", { timeout: 900_000 }, async () => {
  const { "inputs that reached something new": paths } = await examine("fuzz", 42);
  expect(paths).toBeGreaterThan(1500);
});
