import { describeBackend } from "@instar/backend/conformance";
import { memoryOf } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { VmdkImage } from "../src/index.js";
import { descriptorOf, makeSparse, makeVmdk } from "./vmdk-writer.js";

const { INSTAR_SEED: seed } = process.env;
const options = { seed: seed === undefined ? undefined : Number(seed) };
const common = { capabilities: { extents: true }, sizeStep: 512 };
const runner = { describe, it };

for (const stream of [false, true]) {
  for (const [grainSize, tableEntries] of [
    [4096, 3],
    [512, 512],
    [65_536, 512],
  ] as const) {
    describeBackend(
      runner,
      {
        ...common,
        name: `${stream ? "stream-optimized" : "sparse"} VMDK in grains of ${grainSize}, ${tableEntries} in a table`,
        blockSize: grainSize,
        create: async (contents) => {
          const file = await memoryOf(makeVmdk({ contents, grainSize, tableEntries, stream }));
          return { backend: await VmdkImage.open(file, { cacheBytes: 0 }) };
        },
      },
      options,
    );
  }
}

describeBackend(
  runner,
  {
    ...common,
    name: "VMDK with zeroed grains over a parent",
    create: async (contents) => {
      const below = contents.slice(0, contents.length - 1024);
      for (let at = 0; at < below.length; at += 8192) below.fill(at >> 11, at, at + 4096);
      const parent = await memoryOf(makeVmdk({ contents: below, grainSize: 8192 }, { cid: "77" }));
      const ids = { parent: "77", parentName: "base.vmdk" };
      const file = await memoryOf(makeVmdk({ contents, grainSize: 4096, tableEntries: 2, parent: below }, ids));
      return { backend: await VmdkImage.open(file, { openReferenced: () => VmdkImage.open(parent) }) };
    },
  },
  options,
);

describeBackend(
  runner,
  {
    ...common,
    name: "VMDK of flat, sparse and compressed extents",
    create: async (contents) => {
      const cuts = [0, 4608, 8192, 13_312, contents.length];
      const parts = [0, 1, 2, 3].map((part) => contents.slice(cuts[part], cuts[part + 1]));
      const lines = parts.map((part, index) => {
        const kind = index % 2 === 0 ? `FLAT "${index}" ${index}` : `SPARSE "${index}"`;
        return `RW ${part.length / 512} ${kind}`;
      });
      return {
        backend: await VmdkImage.open(await memoryOf(Buffer.from(descriptorOf("twoGbMaxExtentSparse", lines))), {
          openReferenced: async ({ name }) => {
            const index = Number(name);
            const part = parts[index] ?? new Uint8Array(0);
            if (index % 2 === 1) return memoryOf(makeSparse({ contents: part, grainSize: 1024, stream: index === 1 }));
            return memoryOf(Buffer.concat([new Uint8Array(index * 512), part]));
          },
        }),
      };
    },
  },
  options,
);
