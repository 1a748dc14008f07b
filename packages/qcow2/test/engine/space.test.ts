import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";
import { hasQemu, qemuImg, qemuImgJson, qemuNote, saveTo, Scratch } from "../format-support.js";
import { FaultyFile } from "./faulty-file.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, newImage, pattern } from "./support.js";

const CLUSTER = 65_536;
const MiB = 2 ** 20;

async function watched(options: Partial<Qcow2CreateOptions> = {}): Promise<{ image: Qcow2Image; file: FaultyFile }> {
  const file = new FaultyFile(memoryFile());
  return { image: await Qcow2Image.create(file, { size: 16 * MiB, ...options }), file };
}

function discards(file: FaultyFile): number[][] {
  return file.requests.filter(({ kind }) => kind === "discard").map(({ offset, length }) => [offset, length]);
}

/** Bytes that the file stores. */
async function stored(pages: MemoryPages): Promise<number> {
  let bytes = 0;
  const file = memoryFile(pages);
  for await (const { length, kind } of file.extents(0, file.size)) if (kind === "data") bytes += length;
  return bytes;
}

describe("space that is free again", () => {
  it("is discarded in the file, in one request for clusters in a row, once that is durable", async () => {
    const { image, file } = await watched();
    await image.write(pattern(8 * CLUSTER, 1), 0);
    await image.sync();
    const run = await image.map(0, 1).next();
    await image.discard(CLUSTER, 5 * CLUSTER);
    expect(discards(file)).toEqual([]);
    file.requests.length = 0;
    await image.sync();
    const kinds = file.requests.map(({ kind }) => kind);
    expect(discards(file)).toEqual([[(run.value?.hostOffset ?? 0) + CLUSTER, 5 * CLUSTER]]);
    expect(kinds.lastIndexOf("sync")).toBeLessThan(kinds.indexOf("discard"));
    await expectClean(image);
  });

  it("is kept where that is asked for", async () => {
    const { image, file } = await watched({ discard: "ignore" });
    await image.write(pattern(8 * CLUSTER, 1), 0);
    await image.discard(0, 8 * CLUSTER);
    await image.sync();
    expect(discards(file)).toEqual([]);
  });

  it("is not given to anybody before the discard has ended", async () => {
    const { image, file } = await watched();
    await image.write(pattern(8 * CLUSTER, 1), 0);
    await image.sync();
    await image.discard(0, 8 * CLUSTER);
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    file.waits = (kind) => {
      if (kind !== "discard") return undefined;
      begun.resolve();
      return promise;
    };
    const syncing = image.sync();
    await begun.promise;
    const writing = image.write(pattern(8 * CLUSTER, 2), MiB);
    for (let turns = 0; turns < 100; turns++) await new Promise((done) => setImmediate(done));
    const before = file.size;
    resolve();
    await Promise.all([syncing, writing]);
    // The write has taken the clusters, after the discard.
    expect(file.size).toBe(before);
    expect(firstDifference(await bytesAt(image, MiB, 8 * CLUSTER), pattern(8 * CLUSTER, 2))).toBe(-1);
    await image.sync();
    await expectClean(image);
  });

  it("is kept while a request that began before still reads it", async () => {
    const { image, file } = await watched();
    await image.write(pattern(CLUSTER, 1), 0);
    await image.sync();
    const { promise, resolve } = Promise.withResolvers<void>();
    file.waits = (kind) => (kind === "read" ? promise : undefined);
    const reading = bytesAt(image, 0, CLUSTER);
    await image.discard(0, CLUSTER);
    await image.sync();
    expect(discards(file)).toEqual([]);
    resolve();
    expect(firstDifference(await reading, pattern(CLUSTER, 1))).toBe(-1);
    await image.sync();
    expect(discards(file)).toHaveLength(1);
  });

  it("of compressed clusters is kept as long as any of them is there", async () => {
    const { image, file } = await watched();
    await image.writeCompressed(new Uint8Array(4 * CLUSTER).fill(7), 0);
    await image.sync();
    await image.discard(0, 3 * CLUSTER);
    await image.sync();
    expect(discards(file)).toEqual([]);
    expect((await bytesAt(image, 3 * CLUSTER, CLUSTER)).every((byte) => byte === 7)).toBe(true);
    await image.writeCompressed(new Uint8Array(CLUSTER).fill(8), 0);
    await image.discard(3 * CLUSTER, CLUSTER);
    await image.sync();
    expect((await bytesAt(image, 0, CLUSTER)).every((byte) => byte === 8)).toBe(true);
    await expectClean(image);
  });

  it("of a snapshot is kept as long as it has it", async () => {
    const { image, file } = await watched();
    await image.write(pattern(4 * CLUSTER, 1), 0);
    const { id } = await image.snapshots.create({ name: "one", date: new Date(0) });
    file.requests.length = 0;
    await image.write(pattern(4 * CLUSTER, 2), 0);
    await image.discard(0, 4 * CLUSTER);
    await image.sync();
    const snapshot = await image.snapshots.open({ id });
    expect(firstDifference(await bytesAt(snapshot, 0, 4 * CLUSTER), pattern(4 * CLUSTER, 1))).toBe(-1);
    await snapshot.close();
    expect(discards(file).reduce((sum, [, length = 0]) => sum + length, 0)).toBeLessThanOrEqual(5 * CLUSTER);
    file.requests.length = 0;
    await image.snapshots.remove({ id });
    expect(discards(file).reduce((sum, [, length = 0]) => sum + length, 0)).toBeGreaterThan(4 * CLUSTER);
    // The switch to the state without it, at offset 0, is durable before.
    const changes = file.requests.filter(({ kind }) => kind !== "read");
    const first = changes.findIndex(({ kind }) => kind === "discard");
    expect(changes.slice(first - 2, first)).toMatchObject([{ kind: "write", offset: 0 }, { kind: "sync" }]);
    await image.write(pattern(4 * CLUSTER, 3), 0);
    expect(firstDifference(await bytesAt(image, 0, 4 * CLUSTER), pattern(4 * CLUSTER, 3))).toBe(-1);
    await image.sync();
    await expectClean(image);
  });

  it("that cannot be discarded fails no sync", async () => {
    const { image, file } = await watched();
    await image.write(pattern(CLUSTER, 1), 0);
    await image.discard(0, CLUSTER);
    file.fails = (kind) => kind === "discard";
    await image.sync();
    await image.write(pattern(CLUSTER, 2), 0);
    expect(firstDifference(await bytesAt(image, 0, CLUSTER), pattern(CLUSTER, 2))).toBe(-1);
    await expectClean(image);
  });

  it("is all of it when the disk is emptied", async () => {
    const { image, pages } = await newImage({ size: 16 * MiB });
    await image.sync();
    const empty = await stored(pages);
    for (let at = 0; at < 16; at += 2) await image.write(pattern(MiB, at), at * MiB);
    await image.sync();
    expect(await stored(pages)).toBeGreaterThan(8 * MiB);
    await image.discard(0, image.size);
    await image.sync();
    // The L2 table stays.
    expect(await stored(pages)).toBeLessThanOrEqual(empty + 2 * CLUSTER);
  });
});

describe("a disk that becomes shorter", () => {
  it.each([{ clusterSize: 512 }, { clusterSize: 4096 }, {}, { extendedL2: true }])(
    "shortens the file up to the last cluster in use: %o",
    async (layout) => {
      const { image, pages } = await newImage({ size: MiB, ...layout });
      const first = pages.size;
      await image.write(pattern(MiB, 1), 0);
      await image.truncate(100_000);
      await expectClean(image);
      expect(pages.size).toBe((await image.check()).imageEndOffset);
      expect(pages.size).toBeLessThan(first + 100_000 + 8 * CLUSTER);
      expect(firstDifference(await allBytes(image), pattern(MiB, 1).subarray(0, 100_000))).toBe(-1);
      await image.truncate(MiB);
      await image.write(pattern(MiB / 2, 2), 500_000);
      const expected = new Uint8Array(MiB);
      expected.set(pattern(MiB, 1).subarray(0, 100_000));
      expected.set(pattern(MiB / 2, 2), 500_000);
      expect(firstDifference(await allBytes(image), expected)).toBe(-1);
      await image.sync();
      await expectClean(image);
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages), { write: true });
      expect(firstDifference(await allBytes(again), expected)).toBe(-1);
    },
  );

  it("keeps what a snapshot has there", async () => {
    const { image, pages } = await newImage({ size: MiB });
    await image.write(pattern(MiB, 1), 0);
    const { id } = await image.snapshots.create({ name: "one", date: new Date(0) });
    await image.truncate(CLUSTER);
    expect(pages.size).toBeGreaterThan(MiB);
    const snapshot = await image.snapshots.open({ id });
    expect(firstDifference(await allBytes(snapshot), pattern(MiB, 1))).toBe(-1);
    await snapshot.close();
    await expectClean(image);
  });

  it("does not cut off tables that refcounts have forgotten", async () => {
    const { image, pages } = await newImage({ size: 2 * MiB, clusterSize: 4096 });
    await image.write(pattern(MiB, 1), 0);
    await image.truncate(2 ** 40);
    await image.close();
    const header = new DataView((await bytesAt(memoryFile(pages), 0, 104)).buffer);
    const l1 = Number(header.getBigUint64(40));
    const table = Number(header.getBigUint64(48));
    const blocks = new DataView((await bytesAt(memoryFile(pages), table, 4096)).buffer);
    for (let at = 0; at < 4096; at += 8) {
      const block = Number(blocks.getBigUint64(at));
      if (block !== 0 && at > 0) pages.write(new Uint8Array(4096), block);
    }
    const first = Number(blocks.getBigUint64(0));
    pages.write(new Uint8Array(4096 - (l1 / 4096) * 2), first + (l1 / 4096) * 2);
    const broken = await Qcow2Image.open(memoryFile(pages), { write: true });
    await expect(broken.truncate(MiB)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(pages.size).toBeGreaterThan(l1);
  });

  it.skipIf(!hasQemu)(`is as long as QEMU makes it${qemuNote}`, async () => {
    using scratch = new Scratch();
    const [ours, theirs] = [scratch.file("ours"), scratch.file("theirs")];
    const { image, pages } = await newImage({ size: 4 * MiB });
    await image.write(pattern(4 * MiB, 1), 0);
    await image.sync();
    await saveTo(theirs, memoryFile(pages));
    await image.truncate(MiB);
    await saveTo(ours, memoryFile(pages));
    qemuImg("resize", "-q", "--shrink", theirs, "1M");
    const checks = [ours, theirs].map((path) => qemuImgJson(["check", "--output=json", path]));
    expect(checks[0]).toMatchObject({ "image-end-offset": checks[1]?.["image-end-offset"] });
    expect(checks[0]?.["leaks"]).toBeUndefined();
    qemuImg("compare", "-q", ours, theirs);
  });
});
