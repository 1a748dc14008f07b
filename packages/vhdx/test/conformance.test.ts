import { describeBackend } from "@instar/backend/conformance";
import { memoryOf } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VhdxImage } from "../src/index.js";
import { makeVhdx, MIB } from "./vhdx-writer.js";

const { INSTAR_SEED: seed } = process.env;
const options = { seed: seed === undefined ? undefined : Number(seed), steps: 100 };
const capabilities = { extents: true };

for (const [blockSize, kitBlock, sectorSize, reversed] of [
  [MIB, 65_536, 512, false],
  [MIB, 262_144, 4096, true],
] as const) {
  describeBackend(
    { describe, it },
    {
      name: `VHDX in blocks of ${blockSize}, sectors of ${sectorSize}${reversed ? ", stored backwards" : ""}`,
      capabilities,
      blockSize: kitBlock,
      sizeStep: sectorSize,
      create: async (contents) => {
        const file = await memoryOf(makeVhdx({ contents, blockSize, sectorSize, reversed }));
        return { backend: await VhdxImage.open(file, { cacheBytes: 0 }) };
      },
    },
    options,
  );
}

describeBackend(
  { describe, it },
  {
    name: "differencing VHDX over a dynamic one",
    capabilities,
    blockSize: 4096,
    sizeStep: 512,
    create: async (contents) => {
      const below = contents.slice(0, contents.length - 1024);
      for (let at = 0; at < below.length; at += 2048) below.fill(at >> 11, at, at + 1024);
      const parent = await memoryOf(makeVhdx({ contents: below }));
      const locator = { parent_linkage: "{00000001-0002-0003-0405-060708090A0B}", relative_path: "base.vhdx" };
      const file = await memoryOf(makeVhdx({ contents, parent: { contents: below, locator } }));
      return { backend: await VhdxImage.open(file, { openReferenced: () => VhdxImage.open(parent) }) };
    },
  },
  options,
);
