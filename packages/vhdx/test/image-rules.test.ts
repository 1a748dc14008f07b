import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describeImage, patternDisk } from "@instar/image-format/testing";
import { describe, it } from "vitest";

import { probeVhdx, VhdxImage } from "../src/index.js";
import { makeVhdx, MIB, PLACES } from "./vhdx-writer.js";

const { INSTAR_SEED: seed } = process.env;
const small = patternDisk(200_704);
/** What the fixtures hold. */
const disk = patternDisk(5 * 1024 * 1024 + 1536);

const metadata = [
  { begin: 64 * 1024, end: 64 * 1024 + 80 },
  { begin: 192 * 1024, end: 192 * 1024 + 80 },
];

function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`fixtures/${name}.vhdx.gz`, import.meta.url)));
}

describeImage(
  { describe, it },
  {
    format: "VHDX",
    samples: [
      { name: "dynamic, made by qemu-img", file: fixture("dynamic"), disk, metadata },
      { name: "fixed, made by qemu-img", file: fixture("fixed"), disk, metadata },
      {
        name: "stored backwards",
        file: makeVhdx({ contents: small, reversed: true }),
        disk: small,
        metadata: [{ begin: PLACES.table, end: PLACES.table + 64 }],
      },
    ],
    open: (file) => VhdxImage.open(file),
    probe: probeVhdx,
    // A log is read in whole.
    limits: { bytes: 32 * MIB, longest: 8 * MIB },
  },
  { seed: seed === undefined ? undefined : Number(seed), rounds: 100 },
);
