import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describeImage, type ImageSample, patternDisk } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { probeVmdk, VmdkImage } from "../src/index.js";
import { makeVmdk } from "./vmdk-writer.js";

const { INSTAR_SEED: seed } = process.env;
const small = patternDisk(200_704);
/** What the fixtures hold. */
const disk = patternDisk(5 * 1024 * 1024 + 1536);

function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`fixtures/${name}.gz`, import.meta.url)));
}

function sampleOf(createType: string, other?: string): ImageSample {
  const others = new Map(other === undefined ? [] : [[other, fixture(other)]]);
  const file = fixture(`${createType}.vmdk`);
  const metadata = [{ begin: 0, end: Math.min(file.length, 2048) }];
  return { name: `${createType}, made by qemu-img`, file, others, disk, metadata };
}

describeImage(
  { describe, it },
  {
    format: "VMDK",
    samples: [
      sampleOf("monolithicSparse"),
      sampleOf("streamOptimized"),
      sampleOf("twoGbMaxExtentSparse", "twoGbMaxExtentSparse-s001.vmdk"),
      sampleOf("monolithicFlat", "monolithicFlat-flat.vmdk"),
      {
        name: "in small grains, compressed",
        file: Uint8Array.from(makeVmdk({ contents: small, grainSize: 4096, stream: true })),
        disk: small,
      },
    ],
    open: (file, openOther) => VmdkImage.open(file, { openReferenced: ({ name }) => openOther(name) }),
    probe: probeVmdk,
    // A descriptor is read in whole, and may have a mebibyte.
    limits: { bytes: 32 * 2 ** 20, longest: 2 ** 20 + 12 },
  },
  { seed: seed === undefined ? undefined : Number(seed), rounds: 200 },
);
