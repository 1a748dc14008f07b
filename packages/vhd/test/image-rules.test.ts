import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describeImage, patternDisk } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { probeVhd, VhdImage } from "../src/index.js";
import { makeVhd } from "./vhd-writer.js";

const { INSTAR_SEED: seed } = process.env;
const small = patternDisk(200_704);
/** What the fixtures hold. */
const disk = patternDisk(5 * 1024 * 1024 + 1536);

/** Headers and block map. */
const metadata = [{ begin: 0, end: 2560 }];

function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`fixtures/${name}.vhd.gz`, import.meta.url)));
}

const fixed = fixture("fixed");

describeImage(
  { describe, it },
  {
    format: "VHD",
    samples: [
      { name: "dynamic, made by qemu-img", file: fixture("dynamic"), disk, metadata },
      {
        name: "fixed, made by qemu-img",
        file: fixed,
        disk,
        metadata: [{ begin: fixed.length - 512, end: fixed.length }],
      },
      { name: "in small blocks", file: makeVhd({ contents: small, blockSize: 4096 }), disk: small, metadata },
    ],
    open: (file) => VhdImage.open(file),
    probe: probeVhd,
  },
  { seed: seed === undefined ? undefined : Number(seed), rounds: 200 },
);
