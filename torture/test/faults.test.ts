import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("a request of storage that fails loses nothing, and what it fails is done again", { timeout: 900_000 }, async () => {
  const { "runs with a fault": runs } = await examine("faults", 60);
  expect(runs).toBeGreaterThan(3000);
});
