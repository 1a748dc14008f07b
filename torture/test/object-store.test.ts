import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("an image in an object store is old or new, at whatever request its writer dies", { timeout: 900_000 }, async () => {
  const { "power cuts at a request": cuts } = await examine("object-store", 1);
  expect(cuts).toBeGreaterThan(8);
});
