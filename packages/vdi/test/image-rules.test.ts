import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describeImage, patternDisk } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { probeVdi, VdiImage } from "../src/index.js";
import { makeVdi } from "./vdi-writer.js";

const { INSTAR_SEED: seed } = process.env;
const small = patternDisk(200_704);
/** What the fixtures hold. */
const disk = patternDisk(5 * 1024 * 1024 + 1536);

/** Header and block map. */
const metadata = [{ begin: 0, end: 1024 }];

function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`fixtures/${name}.vdi.gz`, import.meta.url)));
}

describeImage(
  { describe, it },
  {
    format: "VDI",
    samples: [
      { name: "dynamic, made by qemu-img", file: fixture("dynamic"), disk, metadata },
      { name: "static, made by qemu-img", file: fixture("static"), disk, metadata },
      {
        name: "in small blocks, stored backwards",
        file: makeVdi({ contents: small, blockSize: 4096, reversed: true }),
        disk: small,
        metadata,
      },
    ],
    open: (file) => VdiImage.open(file),
    probe: probeVdi,
  },
  { seed: seed === undefined ? undefined : Number(seed), rounds: 200 },
);
