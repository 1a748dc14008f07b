import { MemoryBackend, MemoryPages } from "@instar/backend";
import { expect, it } from "vitest";
import { BlockCache } from "../src/index.js";
import { randomFrom, seed } from "./bytes.js";
import { RecordingBackend } from "./recording-backend.js";

const BLOCK = 512;
const BLOCKS = 40;

/** What is in storage when the backend is synced survives a power cut; nothing else is sure to. */
it(`finds everything that was synced, whenever the power is cut (INSTAR_SEED=${seed})`, async () => {
  const random = randomFrom(seed);
  const pages = new MemoryPages(BLOCKS * BLOCK);
  const below = new RecordingBackend(new MemoryBackend({ pages }));
  /** By block: the number that survives a power cut, and the last one written. */
  const durable = Array.from({ length: BLOCKS }, () => 0);
  const written = Array.from({ length: BLOCKS }, () => 0);
  below.before = async ({ method }) => {
    if (method === "sync") for (const [index] of durable.entries()) durable[index] = numberAt(pages, index);
  };
  const cache = new BlockCache(below, { blockSize: BLOCK, bytes: 6 * BLOCK });
  let number = 0;
  for (let round = 0; round < 60; round++) {
    const indexes = Array.from({ length: 1 + random(5) }, () => random(BLOCKS));
    await Promise.all(
      [...new Set(indexes)].map((index) => {
        written[index] = ++number;
        return cache.write(numbered(number), index * BLOCK + 8);
      }),
    );
    const expected = written.slice();
    if (random(3) > 0) continue;
    await cache.sync();
    for (const [index, wanted] of expected.entries()) expect(durable[index]).toBeGreaterThanOrEqual(wanted);
  }
});

function numbered(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, number);
  return bytes;
}

function numberAt(pages: MemoryPages, index: number): number {
  const bytes = new Uint8Array(8);
  pages.read(bytes, index * BLOCK + 8);
  return new DataView(bytes.buffer).getFloat64(0);
}
