import { memoryOf, patternDisk, randomFrom, surviveDamage } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VhdImage } from "../src/index.js";
import { makeVhd, sealVhd } from "./vhd-writer.js";

const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const below = patternDisk(200_704);
const above = below.slice().fill(7, 3000, 30_000);
const parent = { contents: below, uuid: 7, locators: { W2ru: ".\\base.vhd", W2ku: "C:\\base.vhd" } };
const good = Uint8Array.from(makeVhd({ contents: above, blockSize: 4096, parent }));
/** Where headers, table and locators end. */
const METADATA = 1536 + 512 + 1024;
const values = [0, 1, 2, 511, 512, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Makes the checksums right, so that what they cover is looked at. */
function sealAll(bytes: Uint8Array): Uint8Array {
  sealVhd(bytes.subarray(0, 512), 64);
  sealVhd(bytes.subarray(512, 1536), 36);
  bytes.copyWithin(bytes.length - 512, 0, 512);
  return bytes;
}

function check(bytes: Uint8Array, what: string): Promise<void> {
  return surviveDamage(bytes, what, (file) => VhdImage.open(file, { openReferenced: () => memoryOf(below) }));
}

describe("damaged VHD images give an error with a code or can be read", () => {
  it("every field at the edges of its range, with checksums that are right", async () => {
    for (let position = 0; position < METADATA; position += 4) {
      // The unused rest of the footer, and all but the beginning of the parent's name.
      if ((position > 88 && position < 512) || (position > 592 && position < 1088)) continue;
      for (const value of values) {
        const bytes = good.slice();
        new DataView(bytes.buffer).setUint32(position, value);
        await check(sealAll(bytes), `${value} at ${position}`);
      }
    }
  });

  it("cut off anywhere", async () => {
    for (let length = 0; length < good.length; length += length < METADATA + 600 ? 37 : 1999) {
      await check(good.slice(0, length), `${length} bytes`);
    }
  });

  it(`bytes changed at random (INSTAR_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 400; round++) {
      const bytes = good.slice();
      for (let flips = random() % 8; flips >= 0; flips--) bytes[random() % METADATA] = random() >>> 24;
      await check(round % 4 === 0 ? bytes : sealAll(bytes), `round ${round}`);
    }
  });
});
