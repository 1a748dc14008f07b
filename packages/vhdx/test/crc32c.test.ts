import { expect, it } from "vitest";

import { crc32c } from "../src/crc32c.js";

it("CRC-32C has the check value of its definition, and leaves the checksum out", () => {
  const digits = new TextEncoder().encode("123456789");
  expect(crc32c([digits], 100)).toBe(0xe3069283);
  expect(crc32c([digits.subarray(0, 4), digits.subarray(4)], 100)).toBe(0xe3069283);
  expect(crc32c([digits], 2)).toBe(crc32c([new TextEncoder().encode("12\0\0\0\x00789")], 100));
});
