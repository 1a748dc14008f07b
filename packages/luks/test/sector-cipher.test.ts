import { createCipheriv, createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { type CipherSuite, isLuksError, SectorCipher } from "../src/index.js";
import { pattern } from "./support.js";

const KEY = createHash("sha512").update("key").digest();
const FIRST = 2 ** 32 - 3;
const SECTORS = 300;

/** What OpenSSL makes of each sector by itself. */
function reference(name: string, key: Uint8Array, data: Uint8Array, iv: (sector: number) => Uint8Array): Uint8Array {
  const result = new Uint8Array(data.byteLength);
  for (let at = 0; at < data.byteLength; at += 512) {
    const cipher = createCipheriv(name, key, iv(FIRST + at / 512)).setAutoPadding(false);
    result.set(cipher.update(data.subarray(at, at + 512)), at);
  }
  return result;
}

function plain64(sector: number): Uint8Array {
  const iv = new Uint8Array(16);
  new DataView(iv.buffer).setBigUint64(0, BigInt(sector), true);
  return iv;
}

function plain(sector: number): Uint8Array {
  return plain64(sector % 2 ** 32);
}

function essiv(key: Uint8Array): (sector: number) => Uint8Array {
  const salt = createHash("sha256").update(key).digest();
  return (sector) => createCipheriv("aes-256-ecb", salt, null).setAutoPadding(false).update(plain64(sector));
}

describe("a sector cipher", () => {
  for (const { suite, name, keyBytes, iv } of [
    { suite: { cipher: "aes-128", mode: "xts", iv: "plain64" }, name: "aes-128-xts", keyBytes: 32, iv: plain64 },
    { suite: { cipher: "aes-256", mode: "xts", iv: "plain64" }, name: "aes-256-xts", keyBytes: 64, iv: plain64 },
    { suite: { cipher: "aes-256", mode: "xts", iv: "plain" }, name: "aes-256-xts", keyBytes: 64, iv: plain },
    { suite: { cipher: "aes-128", mode: "cbc", iv: "plain" }, name: "aes-128-cbc", keyBytes: 16, iv: plain },
    { suite: { cipher: "aes-192", mode: "cbc", iv: "plain64" }, name: "aes-192-cbc", keyBytes: 24, iv: plain64 },
    {
      suite: { cipher: "aes-256", mode: "cbc", iv: "essiv", ivHash: "sha256" },
      name: "aes-256-cbc",
      keyBytes: 32,
      iv: essiv(KEY.subarray(0, 32)),
    },
    { suite: { cipher: "aes-128", mode: "ctr", iv: "plain64" }, name: "aes-128-ctr", keyBytes: 16, iv: plain64 },
    {
      suite: { cipher: "aes-192", mode: "ctr", iv: "essiv", ivHash: "sha256" },
      name: "aes-192-ctr",
      keyBytes: 24,
      iv: essiv(KEY.subarray(0, 24)),
    },
  ] as { suite: CipherSuite; name: string; keyBytes: number; iv: (sector: number) => Uint8Array }[]) {
    const key = KEY.subarray(0, keyBytes);

    it(`encrypts like OpenSSL, sector by sector: ${name}, ${suite.iv}`, async () => {
      const cipher = await SectorCipher.create(suite, key);
      const bytes = pattern(SECTORS * 512);
      const want = reference(name, key, bytes, iv);
      cipher.encrypt(bytes, FIRST);
      expect(Buffer.compare(bytes, want)).toBe(0);
      // What one call leaves behind must not show in the next.
      const again = pattern(SECTORS * 512).subarray(512, 1536);
      cipher.encrypt(again, FIRST + 1);
      expect(Buffer.compare(again, want.subarray(512, 1536))).toBe(0);
      cipher.decrypt(bytes, FIRST);
      expect(Buffer.compare(bytes, pattern(SECTORS * 512))).toBe(0);
    });

    it(`takes bytes from any place in memory: ${name}, ${suite.iv}`, async () => {
      const cipher = await SectorCipher.create(suite, key);
      // The slice of a Buffer is no copy.
      for (const memory of [new Uint8Array(4099), Buffer.alloc(4099)]) {
        memory.set(pattern(4096), 3);
        cipher.encrypt(memory.subarray(3), FIRST);
        expect(Buffer.compare(memory.subarray(3), reference(name, key, pattern(4096), iv))).toBe(0);
        cipher.decrypt(memory.subarray(3), FIRST);
        expect(Buffer.compare(memory.subarray(3), pattern(4096))).toBe(0);
        expect([...memory.subarray(0, 3)]).toEqual([0, 0, 0]);
      }
    });
  }

  it("encrypts each block by itself in mode ecb", async () => {
    const key = KEY.subarray(0, 32);
    const cipher = await SectorCipher.create({ cipher: "aes-256", mode: "ecb", iv: "plain64", ivHash: undefined }, key);
    const bytes = pattern(1024);
    cipher.encrypt(bytes, 7);
    const want = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(pattern(1024));
    expect(Buffer.compare(bytes, want)).toBe(0);
    cipher.decrypt(bytes, 7);
    expect(Buffer.compare(bytes, pattern(1024))).toBe(0);
  });

  it("refuses xts with blocks of eight bytes", async () => {
    const suite = { cipher: "cast5-128", mode: "xts", iv: "plain64", ivHash: undefined } as const;
    await expect(SectorCipher.create(suite, KEY.subarray(0, 32))).rejects.toThrow(
      'cipher mode of cast5-128, whose blocks have 8 bytes, "xts" is not supported (there are: cbc, ctr, ecb)',
    );
  });

  it("refuses what is no whole sector, and a key of another length", async () => {
    const suite = { cipher: "aes-256", mode: "xts", iv: "plain64", ivHash: undefined } as const;
    await expect(SectorCipher.create(suite, KEY.subarray(1))).rejects.toThrow("length of the key is 63, must be 64");
    const cipher = await SectorCipher.create(suite, KEY);
    expect(() => cipher.encrypt(new Uint8Array(511), 0)).toThrow("must be a multiple of 512");
  });

  it("refuses essiv with a hash that makes no key", async () => {
    for (const [cipher, ivHash] of [
      ["aes-256", "sha1"],
      ["twofish-128", undefined],
      ["cast5-128", "sha256"],
    ] as const) {
      const suite = { cipher, mode: "cbc", iv: "essiv", ivHash } as const;
      const creating = SectorCipher.create(suite, KEY.subarray(0, Number(cipher.slice(-3)) / 8));
      await expect(creating).rejects.toSatisfy((error) => isLuksError(error, "ERR_UNSUPPORTED_CIPHER"));
    }
  });
});
