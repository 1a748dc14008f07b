import { memoryOf, patternDisk, randomFrom, surviveDamage } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VmdkImage } from "../src/index.js";
import { descriptorOf, makeSparse, makeVmdk } from "./vmdk-writer.js";

const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const disk = patternDisk(200_704);
const values = [0, 1, 2, 511, 512, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const images = {
  sparse: Uint8Array.from(makeVmdk({ contents: disk, grainSize: 4096, tableEntries: 16 })),
  "stream-optimized": Uint8Array.from(makeVmdk({ contents: disk, grainSize: 4096, stream: true })),
};
const extent = makeSparse({ contents: disk, grainSize: 4096 });
const text = descriptorOf("twoGbMaxExtentSparse", ['RW 392 SPARSE "x"', 'RW 128 FLAT "x" 3'], {
  parent: "77",
  parentName: "y",
});

function check(bytes: Uint8Array, what: string): Promise<void> {
  const openReferenced = ({ kind }: { kind: string }): ReturnType<typeof memoryOf> =>
    memoryOf(kind === "extent" ? extent : disk);
  // A descriptor is read in whole, and may have a mebibyte.
  const limits = { bytes: 32 * 2 ** 20, longest: 2 ** 20 + 12 };
  return surviveDamage(bytes, what, (file) => VmdkImage.open(file, { openReferenced }), limits);
}

describe("damaged VMDK images give an error with a code or can be read", () => {
  for (const [name, good] of Object.entries(images)) {
    // The header, and the tables, directory and footer at the end.
    const places = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 76, 77];
    const behind = Array.from({ length: 128 * 6 }, (_, index) => good.length - 512 * 6 + index * 4);

    it(`${name}: every field at the edges of its range`, async () => {
      for (const position of [...places, ...behind.filter((at) => at % 512 < 96), 1024, 1028, 1032]) {
        for (const value of values) {
          const bytes = good.slice();
          new DataView(bytes.buffer).setUint32(position, value, true);
          await check(bytes, `${value} at ${position}`);
        }
      }
    });

    it(`${name}: cut off anywhere`, async () => {
      for (let length = 0; length < good.length; length += length < 1100 ? 37 : 997) {
        await check(good.slice(0, length), `${length} bytes`);
      }
    });

    it(`${name}: bytes changed at random (INSTAR_SEED=${seed})`, async () => {
      const random = randomFrom(seed);
      for (let round = 0; round < 300; round++) {
        const bytes = good.slice();
        for (let flips = random() % 8; flips >= 0; flips--) {
          const at = random() % 3 === 0 ? good.length - 1 - (random() % 3072) : random() % 2048;
          bytes[at] = random() >>> 24;
        }
        await check(bytes, `round ${round}`);
      }
    });
  }

  it(`a descriptor changed at random (INSTAR_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from(Buffer.from(text));
      for (let flips = random() % 4; flips >= 0; flips--) bytes[random() % bytes.length] = random() >>> 24;
      await check(bytes, `round ${round}`);
    }
  });

  it("a descriptor of many quotes, blanks or equals signs takes no time", async () => {
    for (const filling of ['"', " ", "=", "\n", "#", "RW ", 'RW 1 FLAT "', "RW 1 ZERO\n"]) {
      await check(Buffer.concat([Buffer.from("version=1\n"), Buffer.alloc(2 ** 20 - 20, filling)]), filling);
    }
  });
});
