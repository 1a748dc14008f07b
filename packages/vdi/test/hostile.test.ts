import { isBackendError } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { isImageError, VdiImage } from "../src/index.js";
import { exercise, Metered, patternDisk, randomFrom } from "./support.js";
import { makeVdi } from "./vdi-writer.js";

const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const good = makeVdi({ contents: patternDisk(200_704), blockSize: 4096, reversed: true });
const HEADER_END = 512 + 512;

/** An error with a code, or a read that finishes; and no more of the file is read than the requests need. */
async function check(bytes: Uint8Array, what: string): Promise<void> {
  const file = new Metered(bytes);
  const error = await exercise(() => VdiImage.open(file));
  if (error !== undefined && !isImageError(error) && !isBackendError(error)) throw new Error(what, { cause: error });
  expect(file.bytes, what).toBeLessThan(24 * 2 ** 20);
  expect(file.longest, what).toBeLessThanOrEqual(65_536);
}

describe("damaged VDI images give an error with a code or can be read", () => {
  it("every field at the edges of its range", async () => {
    for (let position = 0x40; position < HEADER_END; position += 4) {
      for (const value of [0, 1, 2, 511, 512, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
        const bytes = good.slice();
        new DataView(bytes.buffer).setUint32(position, value, true);
        await check(bytes, `${value} at ${position}`);
      }
    }
  });

  it("cut off anywhere", async () => {
    for (let length = 0; length < good.length; length += length < HEADER_END + 600 ? 37 : 1999) {
      await check(good.slice(0, length), `${length} bytes`);
    }
  });

  it(`bytes changed at random (INSTAR_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 400; round++) {
      const bytes = good.slice();
      for (let flips = random() % 8; flips >= 0; flips--) bytes[random() % HEADER_END] = random() >>> 24;
      await check(bytes, `round ${round}`);
    }
  });
});
