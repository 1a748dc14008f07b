import { describeBackend } from "@instar/backend/conformance";
import { memoryOf } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VdiImage } from "../src/index.js";
import { makeVdi } from "./vdi-writer.js";

const { INSTAR_SEED: seed } = process.env;

for (const [blockSize, reversed, discarded] of [
  [4096, false, false],
  [4096, true, true],
  [512, true, false],
  [65_536, false, true],
] as const) {
  const words = `${reversed ? ", stored backwards" : ""}${discarded ? ", with discarded blocks" : ""}`;
  describeBackend(
    { describe, it },
    {
      name: `VDI in blocks of ${blockSize}${words}`,
      capabilities: { extents: true },
      blockSize,
      sizeStep: 512,
      create: async (contents) => {
        const file = await memoryOf(makeVdi({ contents, blockSize, reversed, discarded }));
        return { backend: await VdiImage.open(file, { cacheBytes: 0 }) };
      },
    },
    { seed: seed === undefined ? undefined : Number(seed) },
  );
}
