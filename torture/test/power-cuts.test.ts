import { expect, it } from "vitest";

import { examine } from "./examine.ts";

it("after a power cut at any moment a disk is sound and holds what was synced", { timeout: 900_000 }, async () => {
  const { "crash images": images } = await examine("power-cuts", 200);
  expect(images).toBeGreaterThan(200_000);
});
