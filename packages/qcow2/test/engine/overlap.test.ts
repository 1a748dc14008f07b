import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image, repairQcow2 } from "../../src/index.js";
import { COPIED, Damage } from "../check-damage.js";
import { FaultyFile } from "./faulty-file.js";
import { allBytes, bytesAt, expectClean, memoryFile, newImage, pattern } from "./support.js";

const CLUSTER = 4096;
/** Guest bytes that one L2 table maps. */
const COVERAGE = CLUSTER * (CLUSTER / 8);

/** An image with two L2 tables and a snapshot, to be damaged. */
async function written(version: 2 | 3 = 3): Promise<Damage> {
  const { image, pages } = await newImage({ size: 3 * COVERAGE, clusterSize: CLUSTER, version });
  await image.write(pattern(CLUSTER * 3, 1), 0);
  await image.write(pattern(CLUSTER, 2), COVERAGE);
  await image.snapshots.create({ name: "before", date: new Date(0) });
  await image.write(pattern(CLUSTER * 3, 3), 0);
  await image.write(pattern(CLUSTER, 4), COVERAGE);
  await image.close();
  return new Damage(await allBytes(memoryFile(pages)));
}

function pagesOf(damage: Damage): MemoryPages {
  const pages = new MemoryPages();
  pages.write(damage.bytes, 0);
  return pages;
}

function u64(damage: Damage, position: number): number {
  return Number(damage.entryAt(position) & 0x00ff_ffff_ffff_fe00n);
}

/** Where each kind of metadata is, by what messages call it. */
const places: readonly [string, (damage: Damage) => number][] = [
  ["header", () => 0],
  ["L1 table", ({ header }) => header.l1TableOffset],
  ["refcount table", ({ header }) => header.refcountTableOffset],
  ["refcount block", (damage) => u64(damage, damage.header.refcountTableOffset)],
  ["L2 table", (damage) => u64(damage, damage.header.l1TableOffset + 8)],
  ["snapshot table", ({ header }) => header.snapshotsOffset],
  ["L1 table of a snapshot", (damage) => Number(damage.entryAt(damage.header.snapshotsOffset))],
];

/** Makes the first guest cluster lie where metadata is; a compressed offset of 0 would be none. */
function mapFirstTo(damage: Damage, offset: number): void {
  damage.change(u64(damage, damage.header.l1TableOffset), () => COPIED | BigInt(offset));
}

async function marked(pages: MemoryPages): Promise<boolean> {
  return ((await bytesAt(memoryFile(pages), 72, 8))[7] ?? 0) === 2;
}

describe("a write that would overwrite metadata", () => {
  it.each(places.slice(1))("is refused, and marks the image as corrupt: guest data in the %s", async (what, place) => {
    const damage = await written();
    mapFirstTo(damage, place(damage));
    const pages = pagesOf(damage);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    const before = damage.bytes.slice(place(damage), place(damage) + CLUSTER);
    await expect(image.write(new Uint8Array(512).fill(9), 100)).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      message: expect.stringContaining(`overlap the ${what}`),
    });
    expect(await marked(pages)).toBe(true);
    expect(image.info().corrupt).toBe(true);
    expect(await bytesAt(memoryFile(pages), place(damage), CLUSTER)).toEqual(before);

    // From here on nothing is written, and everything can be read.
    for (const change of [
      () => image.write(new Uint8Array(1), COVERAGE),
      () => image.writeZeroes(0, CLUSTER),
      () => image.discard(0, CLUSTER),
      () => image.truncate(CLUSTER),
      () => image.writeCompressed(new Uint8Array(CLUSTER), 0),
      () => image.snapshots.create({ name: "after", date: new Date(0) }),
    ]) {
      await expect(change()).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    }
    expect(await bytesAt(image, COVERAGE, CLUSTER)).toEqual(pattern(CLUSTER, 4));
    await image.close();
    await expect(Qcow2Image.open(memoryFile(pages), { write: true })).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(await bytesAt(await Qcow2Image.open(memoryFile(pages)), COVERAGE, CLUSTER)).toEqual(pattern(CLUSTER, 4));

    // Repaired, the data and the metadata are kept apart: the next write goes elsewhere.
    await repairQcow2(memoryFile(pages), "all");
    expect(await marked(pages)).toBe(false);
    const again = await Qcow2Image.open(memoryFile(pages), { write: true });
    await again.write(pattern(CLUSTER, 5), 0);
    expect(await bytesAt(again, 0, CLUSTER)).toEqual(pattern(CLUSTER, 5));
    // One reference less may leave a flag that could be set.
    expect(await again.check({ repair: "all" })).toMatchObject({ corruptions: 0, leaks: 0, fixed: { leaks: 0 } });
    expect(await bytesAt(again, COVERAGE, CLUSTER)).toEqual(pattern(CLUSTER, 4));
  });

  it.each(places.slice(3, 6))("is refused where the %s is taken for free", async (what, place) => {
    const damage = await written();
    for (let cluster = 0; cluster < damage.bytes.byteLength / CLUSTER; cluster++) damage.setRefcount(cluster, 1);
    damage.setRefcount(place(damage) / CLUSTER, 0);
    const pages = pagesOf(damage);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    await expect(image.write(pattern(CLUSTER, 6), COVERAGE * 2)).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      message: expect.stringContaining(`overlap the ${what}`),
    });
    expect(await marked(pages)).toBe(true);
  });

  it("is refused where an L2 table is taken for free, by who finds the refcounts in memory, too", async () => {
    const { image: made, pages: before } = await newImage({ size: 3 * COVERAGE, clusterSize: CLUSTER });
    await made.write(pattern(CLUSTER, 1), 0);
    await made.write(pattern(CLUSTER, 2), COVERAGE);
    await made.discard(0, CLUSTER);
    await made.close();
    const damage = new Damage(await allBytes(memoryFile(before)));
    const table = u64(damage, damage.header.l1TableOffset + 8);
    damage.setRefcount(table / CLUSTER, 0);
    const pages = pagesOf(damage);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    // The cluster that is free lies before the table.
    await image.write(pattern(CLUSTER, 3), COVERAGE + CLUSTER);
    await expect(image.write(pattern(CLUSTER, 4), COVERAGE * 2)).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      message: expect.stringContaining(`host clusters at ${table} (refcount 0) overlap the L2 table`),
    });
    expect(await bytesAt(image, COVERAGE, CLUSTER)).toEqual(pattern(CLUSTER, 2));
  });

  it("is refused where an L2 table is a refcount block, too: neither is written to", async () => {
    const damage = await written();
    const block = u64(damage, damage.header.refcountTableOffset);
    damage.change(damage.header.l1TableOffset + 16, () => COPIED | BigInt(block));
    const pages = pagesOf(damage);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    await expect(image.write(pattern(CLUSTER, 8), COVERAGE * 2 + 500 * CLUSTER)).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      message: expect.stringContaining(`the L2 table at ${block} overlaps another table`),
    });
    expect(await marked(pages)).toBe(true);
    expect(await bytesAt(memoryFile(pages), block, CLUSTER)).toEqual(damage.bytes.subarray(block, block + CLUSTER));
  });

  it("is refused in version 2, too, which has no mark for it", async () => {
    const damage = await written(2);
    mapFirstTo(damage, damage.header.refcountTableOffset);
    const pages = pagesOf(damage);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    await expect(image.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    await expect(image.write(new Uint8Array(1), COVERAGE)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(await bytesAt(memoryFile(pages), 72, 8)).toEqual(damage.bytes.subarray(72, 80));
  });

  it("is refused also where the mark cannot be written", async () => {
    const damage = await written();
    mapFirstTo(damage, damage.header.refcountTableOffset);
    const file = new FaultyFile(memoryFile(pagesOf(damage)));
    const image = await Qcow2Image.open(file, { write: true });
    file.fails = (kind, offset) => kind === "write" && offset === 0;
    for (let tries = 0; tries < 2; tries++) {
      await expect(image.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    }
  });

  it("is no more once the image that is open has been repaired", async () => {
    const damage = await written();
    mapFirstTo(damage, damage.header.refcountTableOffset);
    const image = await Qcow2Image.open(memoryFile(pagesOf(damage)), { write: true });
    await expect(image.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(await image.check({ repair: "all" })).toMatchObject({ corruptions: 0, leaks: 0 });
    expect(image.info().corrupt).toBe(false);
    await image.write(pattern(CLUSTER, 7), 0);
    expect(await bytesAt(image, 0, CLUSTER)).toEqual(pattern(CLUSTER, 7));
    await expectClean(image);
  });
});

describe("what is known of metadata", () => {
  it("follows the tables as they move: nothing that is in order is refused", async () => {
    const { image } = await newImage({ size: COVERAGE, clusterSize: CLUSTER });
    for (let round = 0; round < 4; round++) {
      await image.truncate(COVERAGE * (4 + round));
      for (let at = 0; at < image.size; at += COVERAGE) await image.write(pattern(CLUSTER, round), at);
      const { id } = await image.snapshots.create({ name: "x", date: new Date(0) });
      for (let at = 0; at < image.size; at += COVERAGE) await image.write(pattern(CLUSTER, round + 9), at);
      if (round % 2 === 0) await image.snapshots.apply({ id });
      await image.snapshots.remove({ id });
      await image.truncate(COVERAGE);
      await image.sync();
      await image.sync();
      // What was a table may be data by now.
      await image.write(pattern(CLUSTER * 40, round), 0);
      await expectClean(image);
    }
  });
});
