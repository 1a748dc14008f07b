import { describe, expect, it } from "vitest";

import * as portable from "../src/primitives.default.js";
import * as node from "../src/primitives.node.js";
import { HASHES } from "../src/index.js";
import { bytesOf, pattern } from "./support.js";

describe("the primitives for browsers do what those of Node do", () => {
  for (const keyBytes of [16, 24, 32]) {
    it(`AES with keys of ${keyBytes} bytes`, () => {
      const [one, other] = [node.aes(pattern(keyBytes)), portable.aes(pattern(keyBytes))];
      const blocks = pattern(2048);
      expect(Buffer.compare(one.encrypt(blocks), other.encrypt(blocks))).toBe(0);
      expect(Buffer.compare(one.decrypt(blocks), other.decrypt(blocks))).toBe(0);
    });
  }

  for (const hash of HASHES) {
    it(`digests and PBKDF2 with ${hash}`, async () => {
      const [secret, salt] = [bytesOf("secret"), bytesOf("salt")];
      expect(Buffer.compare(node.digest(hash, secret), portable.digest(hash, secret))).toBe(0);
      const derived = await node.derive(hash, secret, salt, 77, 100);
      expect(Buffer.compare(derived, await portable.derive(hash, secret, salt, 77, 100))).toBe(0);
    });
  }

  it("random bytes", () => {
    for (const { randomize } of [node, portable]) {
      const bytes = new Uint8Array(70_000);
      randomize(bytes);
      expect(new Set(bytes).size).toBe(256);
      expect(bytes.subarray(-100).some((byte) => byte !== 0)).toBe(true);
    }
  });
});
