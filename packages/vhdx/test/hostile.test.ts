import type { Backend } from "@instar/backend";
import { memoryOf, patternDisk, randomFrom, surviveDamage } from "@instar/image-format/testing";
import { describe, expect, it } from "vitest";

import { VhdxImage } from "../src/index.js";
import { LOG_GUID, makeVhdx, MIB, PLACES, putLogEntry, sealAll, sealVhdx } from "./vhdx-writer.js";

const seed = Number(process.env["INSTAR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const below = patternDisk(MIB + 8192);
const above = below.slice().fill(7, 3000, 30_000);
const locator = { parent_linkage: "{x}", relative_path: "..\\base.vhdx", absolute_win32_path: "C:\\base.vhdx" };
const good = makeVhdx({ contents: above, parent: { contents: below, locator }, logGuid: LOG_GUID });
const table = good.slice(PLACES.table, PLACES.table + 4096);
const next = putLogEntry(good, 0, { sequence: 1, tail: 0, changes: [{ offset: PLACES.table, data: table }] });
putLogEntry(good, next, { sequence: 2, tail: 0, changes: [{ offset: PLACES.data + 16 * MIB, zero: 8192 }] });
const values = [0, 1, 2, 511, 0x7fffffff, 0x80000000, 0xffffffff];

function range(start: number, length: number): number[] {
  return Array.from({ length: length / 4 }, (_, index) => start + index * 4);
}

/** Where numbers stand. */
const places = [
  ...range(64 * 1024, 80),
  ...range(128 * 1024, 80),
  ...range(192 * 1024, 80),
  ...range(PLACES.metadata, 32 + 6 * 32),
  ...range(PLACES.metadata + 65_536, 40 + 20 + 36),
  ...range(PLACES.table, 16),
  ...range(PLACES.table + 4096 * 8, 8),
  ...range(PLACES.log, 96),
  ...range(PLACES.log + next, 96),
];

/** Makes all checksums right, so that what they cover is looked at. */
function seal(bytes: Uint8Array): Uint8Array {
  sealAll(bytes);
  sealVhdx(bytes, PLACES.log, 8192);
  sealVhdx(bytes, PLACES.log + next, 4096);
  return bytes;
}

const parent = await memoryOf(below);

function check(bytes: Uint8Array, what: string): Promise<void> {
  const open = (file: Backend): Promise<VhdxImage> => VhdxImage.open(file, { openReferenced: async () => parent });
  // A log is read in whole.
  return surviveDamage(bytes, what, open, { bytes: 32 * MIB, longest: 8 * MIB });
}

describe("damaged VHDX images give an error with a code or can be read", () => {
  it("every field at the edges of its range, with checksums that are right", { timeout: 120_000 }, async () => {
    const bytes = good.slice();
    for (const position of places) {
      for (const value of values) {
        new DataView(bytes.buffer).setUint32(position, value, true);
        await check(seal(bytes), `${value} at ${position}`);
      }
      bytes.set(good.subarray(position, position + 4), position);
    }
  });

  it("cut off anywhere", async () => {
    for (let length = 0; length < good.length; length += 99_991) await check(good.slice(0, length), `${length} bytes`);
  });

  it(`bytes changed at random (INSTAR_SEED=${seed})`, { timeout: 120_000 }, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 200; round++) {
      const bytes = good.slice();
      for (let flips = random() % 8; flips >= 0; flips--) {
        const place = places[random() % places.length] ?? 0;
        bytes[place + (random() % 4)] = random() >>> 24;
      }
      await check(round % 4 === 0 ? bytes : seal(bytes), `round ${round}`);
    }
  });

  it("a log full of headers that claim all of it costs a few passes over it, not one each", async () => {
    const bytes = good.slice();
    const view = new DataView(bytes.buffer);
    for (let at = PLACES.log; at < PLACES.log + MIB; at += 4096) {
      bytes.copyWithin(at, PLACES.log, PLACES.log + 64);
      view.setUint32(at + 8, MIB, true);
    }
    await check(bytes, "overlapping entries");
    const opening = VhdxImage.open(await memoryOf(bytes), { backing: "ignore" });
    await expect(opening).rejects.toMatchObject({ code: "ERR_CORRUPT", field: "log" });
  });
});
