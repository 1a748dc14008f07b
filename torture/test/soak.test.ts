import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("an image with tiny caches is like a plain file through hours of use", { timeout: 900_000 }, async () => {
  const { "operations on one image": operations } = await examine("soak", 8);
  expect(operations).toBe(240_000);
});
