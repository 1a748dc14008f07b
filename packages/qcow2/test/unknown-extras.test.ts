import { MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { parseHeader, type Qcow2Header } from "../src/header.js";
import { Qcow2Image, repairQcow2 } from "../src/index.js";
import { allBytes, expectClean, firstDifference, pattern } from "./engine/support.js";
import { fixtureBytes } from "./fixtures.js";
import { memoryOf } from "./format-support.js";

const UNKNOWN_EXTENSION = { type: 0x12345678, data: new Uint8Array([1, 2, 3, 4, 5]) };
/** Compatible feature bit 40, which nobody knows. */
const UNKNOWN_COMPATIBLE = 1n << 40n;

async function headerOf(file: MemoryBackend): Promise<Qcow2Header> {
  const bytes = await allBytes(file);
  return parseHeader(bytes.subarray(0, 4096), bytes.byteLength, "test");
}

/** Changes of an image, each of which writes its header. */
const changes: readonly [string, (image: Qcow2Image) => Promise<unknown>][] = [
  ["a write", (image) => image.write(pattern(100_000, 1), 50_000)],
  ["a compressed write", (image) => image.writeCompressed(pattern(40_960, 1), 81_920)],
  ["a resize", (image) => image.truncate(5_000_000_000)],
  ["a snapshot", (image) => image.snapshots.create({ name: "new", date: new Date(0) })],
  ["another backing file", (image) => image.amend({ backing: { name: "other", format: "raw" } })],
  ["refcounts of another width", (image) => image.amend({ refcountBits: 64 })],
  ["a check that repairs", (image) => image.check({ repair: "all" })],
  ["a bitmap", (image) => image.bitmaps.add({ name: "changes" })],
];

describe("what nobody knows of an image", () => {
  it.each(changes)("is kept by %s, but for what has to be cleared", async (_, change) => {
    const file = await memoryOf(fixtureBytes("unknown-extras"));
    const before = await headerOf(file);
    expect(before.extensions).toContainEqual(UNKNOWN_EXTENSION);
    expect([before.features.compatible, before.features.autoclear]).toEqual([UNKNOWN_COMPATIBLE, 1n << 33n]);
    const image = await Qcow2Image.open(file, { write: true });
    await change(image);
    await image.sync();
    await expectClean(image);
    const after = await headerOf(file);
    expect(after.extensions).toContainEqual(UNKNOWN_EXTENSION);
    expect(after.features.compatible).toBe(UNKNOWN_COMPATIBLE);
    expect(after.features.autoclear & (1n << 33n)).toBe(0n);
    expect(after.features.incompatible).toBe(before.features.incompatible);
  });

  it("is kept by a repair of the file", async () => {
    const bytes = new Uint8Array(fixtureBytes("unknown-extras"));
    const { refcountTableOffset } = parseHeader(bytes, bytes.byteLength, "test");
    bytes[refcountTableOffset + 7] = 4;
    const file = await memoryOf(bytes);
    expect(await repairQcow2(file, "all")).toMatchObject({ corruptions: 0, leaks: 0, fixed: { corruptions: 1 } });
    const after = await headerOf(file);
    expect(after.extensions).toContainEqual(UNKNOWN_EXTENSION);
    expect([after.features.compatible, after.features.autoclear]).toEqual([UNKNOWN_COMPATIBLE, 0n]);
  });

  it("is kept by a change of the version, as far as version 2 has a place for it", async () => {
    const file = await memoryOf(fixtureBytes("unknown-extras"));
    const image = await Qcow2Image.open(file, { write: true });
    const bytes = await allBytes(image);
    await image.amend({ version: 2 });
    expect((await headerOf(file)).extensions).toContainEqual(UNKNOWN_EXTENSION);
    await image.amend({ version: 3 });
    expect((await headerOf(file)).extensions).toContainEqual(UNKNOWN_EXTENSION);
    expect(firstDifference(await allBytes(image), bytes)).toBe(-1);
    await expectClean(image);
  });

  it("is left alone by who only reads", async () => {
    const bytes = fixtureBytes("unknown-extras");
    const file = await memoryOf(bytes);
    const image = await Qcow2Image.open(file);
    await allBytes(image);
    await image.check();
    expect(firstDifference(await allBytes(file), bytes)).toBe(-1);
  });
});
