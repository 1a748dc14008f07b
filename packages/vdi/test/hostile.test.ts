import { patternDisk, surviveDamage } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VdiImage } from "../src/index.js";
import { makeVdi } from "./vdi-writer.js";

const good = makeVdi({ contents: patternDisk(200_704), blockSize: 4096, reversed: true });
const HEADER_END = 512 + 512;

describe("damaged VDI images give an error with a code or can be read", () => {
  it("every field at the edges of its range", async () => {
    for (let position = 0x40; position < HEADER_END; position += 4) {
      for (const value of [0, 1, 2, 511, 512, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
        const bytes = good.slice();
        new DataView(bytes.buffer).setUint32(position, value, true);
        await surviveDamage(bytes, `${value} at ${position}`, (file) => VdiImage.open(file));
      }
    }
  });
});
