import { FsBackend } from "@instar/backend-fs";
import { contents, firstDifference, firstLie, memoryOf, patternDisk } from "@instar/image-format/testing";
import { hasQemu, qemuContents, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";
import { describe, expect, it } from "vitest";

import { VhdxImage } from "../src/index.js";
import { type Change, LOG_GUID, makeVhdx, MIB, PLACES, putLogEntry, sealVhdx } from "./vhdx-writer.js";

const disk = patternDisk(5 * MIB + 4096);
const whole = makeVhdx({ contents: disk, logGuid: LOG_GUID, reversed: true });

/** Pages as they are in the whole image. */
function pages(...offsets: number[]): Change[] {
  return offsets.map((offset) => ({ offset, data: whole.slice(offset, offset + 4096) }));
}

/** The image without what is to come out of its log: tables, metadata and data. */
function damaged(): Uint8Array {
  const file = whole.slice();
  file.fill(0xff, PLACES.table, PLACES.table + 4096);
  file.fill(0, PLACES.metadata, PLACES.metadata + 4096);
  file.fill(0x77, PLACES.data + MIB, PLACES.data + MIB + 8192);
  return file;
}

const first = pages(PLACES.table, PLACES.data + MIB);
const second = pages(PLACES.metadata, PLACES.data + MIB + 4096);

async function expectDisk(file: Uint8Array): Promise<VhdxImage> {
  const image = await VhdxImage.open(await memoryOf(file));
  expect(firstDifference(await contents(image), disk)).toBe(-1);
  expect(await firstLie(image, disk)).toBe(-1);
  expect(image.info().logReplayed).toBe(true);
  return image;
}

/** Files with logs, each of which makes the disk whole. */
function logs(): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  const one = (files["one entry"] = damaged());
  putLogEntry(one, 0, { sequence: 5, tail: 0, changes: [...first, ...second] });

  const two = (files["two entries"] = damaged());
  putLogEntry(two, putLogEntry(two, 0, { sequence: 1, tail: 0, changes: first }), {
    sequence: 2,
    tail: 0,
    changes: second,
  });

  const around = (files["a run of entries that goes over the end of the log"] = damaged());
  const start = MIB - 3 * 4096;
  const next = putLogEntry(around, start, { sequence: 2 ** 32 - 1, tail: start, changes: first });
  putLogEntry(around, next, { sequence: 2 ** 32, tail: start, changes: second });
  const split = (files["a header before the end of the log, its pages at the beginning"] = damaged());
  putLogEntry(split, MIB - 4096, { sequence: 9, tail: MIB - 4096, changes: [...first, ...second] });

  const later = (files["a later entry that writes over an earlier one, and over zeroes"] = damaged());
  const wrong = new Uint8Array(4096).fill(3);
  let at = putLogEntry(later, 8192, { sequence: 7, tail: 8192, changes: [{ offset: PLACES.table, data: wrong }] });
  at = putLogEntry(later, at, { sequence: 8, tail: 8192, changes: [{ offset: PLACES.table, zero: 8192 }, ...second] });
  putLogEntry(later, at, { sequence: 9, tail: 8192, changes: first });

  const old = (files["older entries, which do not count any more"] = damaged());
  at = putLogEntry(old, 0, { sequence: 20, tail: 0, changes: [{ offset: PLACES.data + MIB + 16_384, data: wrong }] });
  const tail = at;
  at = putLogEntry(old, at, { sequence: 21, tail, changes: first });
  at = putLogEntry(old, at, { sequence: 22, tail, changes: second });
  at = putLogEntry(old, at, { sequence: 3, tail: at, changes: [{ offset: PLACES.metadata, data: wrong }] });
  putLogEntry(old, at, {
    sequence: 23,
    tail,
    guid: "00000000-0000-0000-0000-000000000009",
    changes: [{ offset: PLACES.metadata, data: wrong }],
  });

  const erased = (files["zeroes over what an earlier entry wrote"] = damaged());
  const zeroes = PLACES.data + MIB + 16_384;
  at = putLogEntry(erased, 0, { sequence: 1, tail: 0, changes: [...first, { offset: zeroes + 4096, data: wrong }] });
  putLogEntry(erased, at, { sequence: 2, tail: 0, changes: [...second, { offset: zeroes, zero: 16_384 }] });

  const torn = (files["a last entry that was only half written"] = damaged());
  at = putLogEntry(torn, 0, { sequence: 1, tail: 0, changes: [...first, ...second] });
  putLogEntry(torn, at, { sequence: 2, tail: 0, changes: [{ offset: PLACES.metadata, data: wrong }] });
  torn[PLACES.log + at + 5000] = 1;

  const many = (files["more changes than the first page has room to describe"] = damaged());
  const data = Array.from({ length: 140 }, (_, index) => PLACES.data + MIB + index * 4096);
  putLogEntry(many, 0, { sequence: 1, tail: 0, changes: [...pages(...data), ...first, ...second] });
  many.fill(1, PLACES.data + MIB, PLACES.data + MIB + 140 * 4096);
  return files;
}

/**
 * What QEMU 7.2 gets wrong: it takes a run of entries for one that begins at the beginning of the log, fails on a second
 * page of descriptors, and replays what stands before the tail.
 */
const notInQemu = [
  "a run of entries that goes over the end of the log",
  "more changes than the first page has room to describe",
  "older entries, which do not count any more",
];

describe("a VHDX log that is not empty is replayed in memory", () => {
  for (const [name, file] of Object.entries(logs())) {
    it(name, async () => {
      const before = file.slice();
      await expectDisk(file);
      expect(firstDifference(file, before)).toBe(-1);
    });

    if (notInQemu.includes(name)) continue;
    it.skipIf(!hasQemu)(`${name}: as QEMU does${qemuNote}`, async () => {
      using scratch = new Scratch();
      const path = scratch.file("disk.vhdx", file);
      const image = await VhdxImage.open(await FsBackend.open(path));
      const ours = await contents(image);
      await image.close();
      qemuImg("check", "-q", "-r", "all", "-f", "vhdx", path);
      expect(firstDifference(ours, qemuContents("vhdx", path))).toBe(-1);
    });
  }

  it("that zeroes what was data", async () => {
    const file = whole.slice();
    putLogEntry(file, 0, { sequence: 1, tail: 0, changes: [{ offset: PLACES.data, zero: 16_384 }] });
    const image = await VhdxImage.open(await memoryOf(file));
    const expected = disk.slice();
    // Stored backwards: the last block, which is a short one, comes first.
    expected.fill(0, 5 * MIB);
    expect(firstDifference(await contents(image), expected)).toBe(-1);
  });

  it("that makes the file longer", async () => {
    const file = whole.slice(0, whole.length - MIB);
    const grown = makeVhdx({ contents: disk, logGuid: LOG_GUID });
    // Block 0 goes behind the end of the file.
    const table = grown.slice(PLACES.table, PLACES.table + 4096);
    new DataView(table.buffer).setBigUint64(0, BigInt(whole.length + 6), true);
    const change = { offset: whole.length, data: new Uint8Array(4096).fill(8) };
    putLogEntry(file, 0, {
      sequence: 1,
      tail: 0,
      last: whole.length + MIB,
      changes: [{ offset: PLACES.table, data: table }, change],
    });
    file.set(grown.subarray(PLACES.data + MIB, file.length), PLACES.data + MIB);
    const image = await VhdxImage.open(await memoryOf(file));
    const expected = disk.slice();
    expected.fill(0, 0, MIB).fill(8, 0, 4096);
    expect(firstDifference(await contents(image), expected)).toBe(-1);
  });
});

describe("a VHDX log that does not count", () => {
  it("without the GUID in the header is left alone", async () => {
    const file = makeVhdx({ contents: disk });
    putLogEntry(file, 0, { sequence: 1, tail: 0, changes: [{ offset: PLACES.table, zero: 4096 }] });
    const image = await VhdxImage.open(await memoryOf(file));
    expect(firstDifference(await contents(image), disk)).toBe(-1);
    expect(image.info().logReplayed).toBe(false);
  });

  it("with a GUID but no entry is empty; nor do entries count that are broken in any way", async () => {
    const breaks: ((log: DataView) => void)[] = [
      (log) => log.setUint8(0, 0),
      (log) => log.setUint8(4, log.getUint8(4) ^ 1),
      (log) => log.setUint32(8, 0, true),
      (log) => log.setUint32(8, 4097, true),
      (log) => log.setUint32(12, 4096, true),
      (log) => log.setUint8(64 + 24, 99),
      (log) => log.setUint8(64 + 16, 1),
      (log) => log.setUint8(4096, 0),
      (log) => log.setUint8(8191, 9),
    ];
    for (const [index, change] of breaks.entries()) {
      const file = whole.slice();
      putLogEntry(file, 0, { sequence: 1, tail: 0, changes: [{ offset: PLACES.table, data: new Uint8Array(4096) }] });
      const log = new DataView(file.buffer, PLACES.log, MIB);
      change(log);
      // A checksum that is right does not make the rest so.
      if (index > 4) sealVhdx(file, PLACES.log, 8192);
      const image = await VhdxImage.open(await memoryOf(file));
      expect(image.info().logReplayed, `break ${index}`).toBe(false);
      expect(firstDifference(await contents(image), disk), `break ${index}`).toBe(-1);
    }
  });

  it("of a file that has been cut off since is an error", async () => {
    const file = damaged();
    putLogEntry(file, 0, { sequence: 1, tail: 0, flushed: file.length + MIB, changes: first });
    await expect(VhdxImage.open(await memoryOf(file))).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
  });
});
