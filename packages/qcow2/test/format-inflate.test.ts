import { constants, deflateRawSync } from "node:zlib";

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isQcow2Error } from "../src/errors.js";
import { inflateCluster as portable } from "../src/inflate.default.js";
import { inflateCluster as node } from "../src/inflate.node.js";
import { content } from "./fixtures/definitions.js";
import { replay } from "./format-support.js";

const levels = fc.constantFrom(0, 1, 6, 9);
const strategies = fc.constantFrom(
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
);

/** Clusters with repetitions of all lengths and distances, which random bytes alone do not have. */
const clusters = fc
  .tuple(fc.constantFrom(512, 4096, 65536), fc.uint8Array({ minLength: 1, maxLength: 600 }))
  .map(([size, seed]) => {
    const cluster = new Uint8Array(size);
    let state = 1;
    for (let at = 0; at < size; at++) {
      state = (Math.imul(state, 48271) + (seed[at % seed.length] ?? 0)) >>> 0;
      const back = state % Math.max(1, at);
      cluster[at] = (state & 0x700) === 0 ? state & 0xff : (cluster[at - back] ?? seed[at % seed.length] ?? 0);
    }
    return cluster;
  });

describe.each([
  ["node", node],
  ["portable", portable],
])("inflateCluster (%s)", (_, inflate) => {
  it("unpacks what zlib packed with any window, with padding behind it", { timeout: 60_000 }, async () => {
    const windows = fc.integer({ min: 9, max: 15 });
    await fc.assert(
      fc.asyncProperty(
        clusters,
        levels,
        strategies,
        windows,
        fc.nat(600),
        async (cluster, level, strategy, windowBits, junk) => {
          const packed = deflateRawSync(cluster, { level, strategy, windowBits });
          const padded = Buffer.concat([packed, Buffer.alloc(junk, 0xa5)]);
          expect(Buffer.compare(await inflate(padded, cluster.byteLength), cluster)).toBe(0);
        },
      ),
      { ...replay, numRuns: 60 },
    );
  });

  it("stops where the cluster is full, with no more memory than that", { timeout: 60_000 }, async () => {
    const packed = deflateRawSync(Buffer.alloc(64 * 1024 * 1024, 7), { level: 9 });
    for (const size of [512, 65536]) {
      const bytes = await inflate(packed, size);
      expect(bytes.every((byte) => byte === 7)).toBe(true);
      expect([bytes.byteLength, bytes.buffer.byteLength <= 2 * size]).toEqual([size, true]);
    }
  });

  it("needs no more of the stream than the cluster", async () => {
    const cluster = content(0, 65536, 1);
    const packed = deflateRawSync(cluster, { level: 9, finishFlush: constants.Z_SYNC_FLUSH });
    expect(Buffer.compare(await inflate(packed, 65536), cluster)).toBe(0);
  });

  it.each<[string, Uint8Array]>([
    ["is empty", new Uint8Array(0)],
    ["is zero", new Uint8Array(512)],
    ["is junk", new Uint8Array(512).fill(0xff)],
    ["ends early", deflateRawSync(content(0, 4096, 1)).subarray(0, 100)],
    ["unpacks to less than a cluster", deflateRawSync(content(0, 4088, 1))],
    // Packed against a dictionary that whoever unpacks it does not have.
    ["copies from before the beginning", deflateRawSync(content(0, 65536, 1), { dictionary: content(0, 32768, 1) })],
  ])("calls a stream corrupt that %s", async (_title, stream) => {
    for (const size of [4096, 65536]) {
      const error: unknown = await inflate(stream, size).catch((reason: unknown) => reason);
      expect(isQcow2Error(error, "ERR_CORRUPT")).toBe(true);
    }
  });

  it("unpacks or refuses whatever it is given", { timeout: 60_000 }, async () => {
    const cluster = content(0, 4096, 3);
    const packed = deflateRawSync(cluster);
    const flips = fc.array(fc.tuple(fc.nat(packed.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const broken = new Uint8Array(packed);
        for (const [at, value] of changes) broken[at] = value;
        const outcomes = await Promise.allSettled([inflate(broken, 4096), portable(broken, 4096)]);
        const [mine, theirs] = outcomes.map((outcome) =>
          outcome.status === "fulfilled" ? Buffer.from(outcome.value).toString("hex") : String(outcome.reason.code),
        );
        expect(mine).toBe(theirs);
      }),
      { ...replay, numRuns: 300 },
    );
  });
});
