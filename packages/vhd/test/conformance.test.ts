import { describeBackend } from "@instar/backend/conformance";
import { memoryOf } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VhdImage } from "../src/index.js";
import { makeVhd } from "./vhd-writer.js";

const { INSTAR_SEED: seed } = process.env;
const options = { seed: seed === undefined ? undefined : Number(seed) };
const common = { capabilities: { extents: true }, sizeStep: 512 };

describeBackend(
  { describe, it },
  {
    ...common,
    name: "fixed VHD",
    create: async (contents) => ({ backend: await VhdImage.open(await memoryOf(makeVhd({ contents }))) }),
  },
  options,
);

for (const blockSize of [512, 4096, 65_536]) {
  describeBackend(
    { describe, it },
    {
      ...common,
      name: `dynamic VHD in blocks of ${blockSize}`,
      blockSize,
      create: async (contents) => {
        const file = await memoryOf(makeVhd({ contents, blockSize }));
        return { backend: await VhdImage.open(file, { cacheBytes: 0 }) };
      },
    },
    options,
  );
  describeBackend(
    { describe, it },
    {
      ...common,
      name: `differencing VHD in blocks of ${blockSize} over a dynamic one`,
      blockSize,
      create: async (contents) => {
        // The parent has every other kilobyte of it, something else in between, and ends early.
        const below = contents.slice(0, contents.length - 1024);
        for (let at = 0; at < below.length; at += 2048) below.fill(at >> 11, at, at + 1024);
        const parent = await memoryOf(makeVhd({ contents: below, blockSize: 4096, uuid: 7 }));
        const child = makeVhd({ contents, blockSize, parent: { contents: below, uuid: 7 } });
        return {
          backend: await VhdImage.open(await memoryOf(child), { openReferenced: () => VhdImage.open(parent) }),
        };
      },
    },
    options,
  );
}
