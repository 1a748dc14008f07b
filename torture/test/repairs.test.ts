import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("a repair that is cut short at any moment is completed by the next one", { timeout: 900_000 }, async () => {
  const { "repairs that were cut": cuts } = await examine("repairs", 110);
  expect(cuts).toBeGreaterThan(1500);
});
