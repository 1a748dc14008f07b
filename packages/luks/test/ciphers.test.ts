import { describe, expect, it } from "vitest";

import type { BlockCipher } from "../src/block-cipher.js";
import { Cast5 } from "../src/cast5.js";
import { Serpent } from "../src/serpent.js";
import { BOXES } from "../src/serpent-boxes.js";
import { INVERSE_BOXES } from "../src/serpent-inverse-boxes.js";
import { Twofish } from "../src/twofish.js";
import { hexOf, ofHex, pattern } from "./support.js";

const COUNT = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ONE_BIT = `8${"0".repeat(63)}`;

/** The tables of the paper on Serpent, appendix A.5. */
const SERPENT_BOXES = [
  "38f1a65bed42709c",
  "fc27905a1be86d34",
  "86793cafd1e40b52",
  "0fb8c963d124a75e",
  "1f83c0b6254a9e7d",
  "f52b4a9c03e8d671",
  "72c5846be91fd3a0",
  "1df0e82b74ca9356",
];

/** Puts 0 to 15 through a box at once: number `n` is in bit `n` of the words. */
function throughBox(box: (words: Int32Array) => void): string {
  const words = new Int32Array(4);
  for (let number = 0; number < 16; number++) {
    for (let bit = 0; bit < 4; bit++) words[bit]! |= ((number >> bit) & 1) << number;
  }
  box(words);
  let result = "";
  for (let number = 0; number < 16; number++) {
    result += words.reduce((sum, word, bit) => sum | (((word >> number) & 1) << bit), 0).toString(16);
  }
  return result;
}

describe("the S-boxes of Serpent", () => {
  it("are those of the paper", () => {
    expect(BOXES.map(throughBox)).toEqual(SERPENT_BOXES);
  });

  it("are undone", () => {
    const undone = SERPENT_BOXES.map((box) => "0123456789abcdef".replace(/./g, (out) => box.indexOf(out).toString(16)));
    expect(INVERSE_BOXES.map(throughBox)).toEqual(undone);
  });
});

describe("known answers", () => {
  it.each<[string, new (key: Uint8Array) => BlockCipher, string, string, string]>([
    ["CAST-128: RFC 2144, B.1", Cast5, "0123456712345678234567893456789a", "0123456789abcdef", "238b4fe5847e44b2"],
    ["Twofish, 128 bits: the paper, B.2", Twofish, "0".repeat(32), "0".repeat(32), "9f589f5cf6122c32b6bfec2f2ae8c35a"],
    [
      "Twofish, 192 bits",
      Twofish,
      "0123456789abcdeffedcba98765432100011223344556677",
      "0".repeat(32),
      "cfd1d2e5a9be9cdf501f13b892bd2248",
    ],
    [
      "Twofish, 256 bits",
      Twofish,
      "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff",
      "0".repeat(32),
      "37527be0052334b89f0cfccae87cfa20",
    ],
    [
      "Serpent, 128 bits: numbers that count up",
      Serpent,
      COUNT.slice(0, 32),
      COUNT.slice(0, 32),
      "4c7d8a328072a22c823e4a1f3acda16d",
    ],
    [
      "Serpent, 256 bits: numbers that count up",
      Serpent,
      COUNT,
      COUNT.slice(0, 32),
      "de269ff833e432b85b2e88d2701ce75c",
    ],
    ["Serpent, 128 bits: set 1", Serpent, ONE_BIT.slice(0, 32), "0".repeat(32), "264e5481eff42a4606abda06c0bfda3d"],
    ["Serpent, 192 bits: set 1", Serpent, ONE_BIT.slice(0, 48), "0".repeat(32), "9e274ead9b737bb21efcfca548602689"],
    ["Serpent, 256 bits: set 1", Serpent, ONE_BIT, "0".repeat(32), "a223aa1288463c0e2be38ebd825616c0"],
  ])("%s", (_, Cipher, key, plain, encrypted) => {
    const cipher = new Cipher(ofHex(key));
    expect(hexOf(cipher.encrypt(ofHex(plain)))).toBe(encrypted);
    expect(hexOf(cipher.decrypt(ofHex(encrypted)))).toBe(plain);
  });

  it("Twofish, 49 blocks, each encrypted with what came before as the key: the paper, B.2", () => {
    for (const [bytes, encrypted] of [
      [16, "5d9d4eeffa9151575524f115815a12e0"],
      [24, "e75449212beef9f4a390bd860a640941"],
      [32, "37fe26ff1cf66175f5ddf4c33b97a205"],
    ] as const) {
      let [key, plain] = [new Uint8Array(bytes), new Uint8Array(16)];
      for (let turn = 0; turn < 49; turn++) {
        const block = new Twofish(key).encrypt(plain);
        key = Uint8Array.of(...plain, ...key).slice(0, bytes);
        plain = Uint8Array.from(block);
      }
      expect(hexOf(plain), `${bytes}`).toBe(encrypted);
    }
  });
});

describe("a cipher", () => {
  it.each([
    [Serpent, 16],
    [Serpent, 24],
    [Serpent, 32],
    [Twofish, 16],
    [Twofish, 24],
    [Twofish, 32],
    [Cast5, 16],
  ])("takes many blocks from any place in memory, and undoes what it did: %o, %i bytes", (Cipher, keyBytes) => {
    const cipher = new Cipher(pattern(keyBytes));
    const blocks = pattern(3003).subarray(3, 2963);
    const before = hexOf(blocks);
    const encrypted = cipher.encrypt(blocks);
    expect(hexOf(blocks)).toBe(before);
    for (let at = 0; at < blocks.byteLength; at += cipher.blockBytes) {
      const alone = cipher.encrypt(blocks.slice(at, at + cipher.blockBytes));
      expect(hexOf(alone)).toBe(hexOf(encrypted.subarray(at, at + cipher.blockBytes)));
    }
    expect(hexOf(cipher.decrypt(encrypted))).toBe(before);
  });
});
