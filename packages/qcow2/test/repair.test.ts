import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { type Qcow2OpenOptions, Qcow2Image, repairQcow2, type RepairWhat } from "../src/index.js";
import { COPIED, Damage } from "./check-damage.js";
import { FaultyFile } from "./engine/faulty-file.js";
import { Clock, RecordingFile } from "./engine/recording-file.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, pattern } from "./engine/support.js";
import { fixtureBytes } from "./fixtures.js";
import { memoryOf } from "./format-support.js";
import { Random, seed } from "./interop/random.js";

/** Incompatible feature bits as they stand in the file. */
async function marks(file: MemoryBackend): Promise<bigint> {
  return new DataView((await bytesAt(file, 72, 8)).buffer).getBigUint64(0);
}

/** Repairs an image, and expects nothing to be wrong afterwards, and all that can be read to be as it was. */
async function expectRepaired(bytes: Uint8Array, what: RepairWhat, fixed: object): Promise<MemoryBackend> {
  const before = await allBytes(await Qcow2Image.open(await memoryOf(bytes)));
  const file = await memoryOf(bytes);
  const report = await repairQcow2(file, what);
  expect(report).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0, problems: [], fixed });
  const image = await Qcow2Image.open(file);
  expect(firstDifference(await allBytes(image), before)).toBe(-1);
  return file;
}

/** The fixture with snapshots, the first of which gets so many bytes of extra data in a table at the end of the file. */
async function withExtraData(extra: number): Promise<Uint8Array> {
  const image = new Damage(fixtureBytes("snapshot"));
  const { clusterSize, header } = image;
  const old = image.bytes.subarray(header.snapshotsOffset, header.snapshotsOffset + clusterSize);
  const view = new DataView(old.buffer, old.byteOffset);
  const had = view.getUint32(36);
  const namesEnd = 40 + had + view.getUint16(12) + view.getUint16(14);
  const length = Math.ceil((namesEnd - had + extra) / 8) * 8;
  const begin = Math.ceil(image.bytes.byteLength / clusterSize) * clusterSize;
  const bytes = new Uint8Array(begin + Math.ceil((length + 512) / clusterSize) * clusterSize);
  bytes.set(image.bytes);
  bytes.set(old.subarray(0, 40 + Math.min(had, extra)), begin);
  bytes.set(old.subarray(40 + had, namesEnd), begin + 40 + extra);
  bytes.set(old.subarray(Math.ceil(namesEnd / 8) * 8, 512), begin + length);
  new DataView(bytes.buffer).setUint32(begin + 36, extra);
  new DataView(bytes.buffer).setBigUint64(64, BigInt(begin));
  const moved = new Damage(bytes);
  moved.setRefcount(header.snapshotsOffset / clusterSize, 0);
  const counted = Math.ceil((length + 200) / clusterSize);
  for (let cluster = 0; cluster < counted; cluster++) moved.setRefcount(begin / clusterSize + cluster, 1);
  return moved.bytes;
}

describe("repair", () => {
  it("changes nothing where nothing is wrong", async () => {
    for (const what of ["leaks", "all"] as const) {
      const bytes = fixtureBytes("snapshot");
      const file = await expectRepaired(bytes, what, { corruptions: 0, leaks: 0 });
      expect(firstDifference(await allBytes(file), bytes)).toBe(-1);
    }
  });

  it("lowers refcounts that are too high, and sets the flags that rely on them", async () => {
    for (const what of ["leaks", "all"] as const) {
      const image = new Damage(fixtureBytes("v3-64k"));
      image.setRefcount(5, 2);
      await expectRepaired(image.bytes, what, { leaks: 1, corruptions: 0 });
    }
  });

  it("raises refcounts that are too low, unless only leaks are to be repaired", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.setRefcount(3, 0);
    const file = await memoryOf(image.bytes);
    expect(await repairQcow2(file, "leaks")).toMatchObject({ corruptions: 1, fixed: { corruptions: 0 } });
    expect(firstDifference(await allBytes(file), image.bytes)).toBe(-1);
    await expectRepaired(image.bytes, "all", { corruptions: 1, leaks: 0 });
  });

  it("sets and clears COPIED flags, of L1 entries and of compressed clusters too", async () => {
    const image = new Damage(fixtureBytes("compressed-64k"));
    image.change(image.header.l1TableOffset, (entry) => entry ^ COPIED);
    for (const entry of image.l2Entries) image.change(entry, (value) => value ^ COPIED);
    await expectRepaired(image.bytes, "all", { corruptions: 1 + image.l2Entries.length, leaks: 0 });
  });

  it("takes a host cluster away from a zero cluster where none can be", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    const entry = image.l2Entries[0] ?? 0;
    image.change(entry, (value) => (value + 512n) | 1n);
    const file = await memoryOf(image.bytes);
    const report = await repairQcow2(file, "all");
    expect(report).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
    expect(new Damage(await allBytes(file)).entryAt(entry)).toBe(1n);
  });

  it.each([
    ["lies in the L1 table", (image: Damage) => BigInt(image.header.l1TableOffset)],
    ["lies behind the file", () => 0x7000_0000n],
    ["is missing", () => 0n],
    ["is not at a cluster", () => 0x20200n],
    ["has a reserved bit", () => 0x20004n],
  ])("builds refcounts anew where a block %s", async (_, entry) => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.header.refcountTableOffset, () => entry(image));
    const file = await expectRepaired(image.bytes, "all", {});
    const { header } = new Damage(await allBytes(file));
    expect(header.refcountTableOffset).not.toBe(image.header.refcountTableOffset);
    const open = await Qcow2Image.open(file, { write: true });
    await open.write(pattern(open.size, 3), 0);
    await expectClean(open);
  });

  it("builds refcounts anew where there is no refcount table at all", async () => {
    for (const [offset, clusters] of [
      [0x10000n, 0],
      [0x7000_0000n, 1],
    ] as const) {
      const bytes = new Uint8Array(fixtureBytes("v3-64k"));
      const view = new DataView(bytes.buffer);
      view.setBigUint64(48, offset);
      view.setUint32(56, clusters);
      await expect(Qcow2Image.open(await memoryOf(bytes))).rejects.toMatchObject({ format: "qcow2" });
      const file = await memoryOf(bytes);
      expect(await repairQcow2(file, "all")).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
      await expectClean(await Qcow2Image.open(file, { write: true }));
    }
  });

  it("puts new tables where no broken entry points to behind the file", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    const end = image.bytes.byteLength;
    for (const [index, entry] of image.l2Entries.slice(0, 3).entries()) {
      image.change(entry, () => COPIED | BigInt(end + (index + 1) * 65_536));
    }
    for (let cluster = 0; cluster < end / 65_536; cluster++) image.setRefcount(cluster, 1);
    image.change(image.header.refcountTableOffset + 8, () => 4n);
    const file = await memoryOf(image.bytes);
    await repairQcow2(file, "all");
    const after = new Damage(await allBytes(file));
    const { refcountTableOffset } = after.header;
    expect(refcountTableOffset).not.toBe(image.header.refcountTableOffset);
    const places = [refcountTableOffset, Number(after.entryAt(refcountTableOffset))];
    for (const index of [1, 2, 3]) expect(places).not.toContain(end + index * 65_536);
  });

  it("shows new refcounts only when they are durable, and sets flags only when these are", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.header.refcountTableOffset, () => 4n);
    image.change(image.l2Entries[0] ?? 0, (entry) => entry ^ COPIED);
    const file = new FaultyFile(await memoryOf(image.bytes));
    await repairQcow2(file, "all");
    const log = file.requests.filter(({ kind }) => kind !== "read").map(({ kind, offset }) => `${kind} ${offset}`);
    const flag = `write ${image.l2Entries[0]}`;
    expect(log.slice(-5)).toEqual(["sync 0", "write 0", "sync 0", flag, "sync 0"]);
  });

  it("leaves what nobody can know for the guest to find, and says so", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.change(image.l2Entries[0] ?? 0, () => COPIED | 0x7000_0000n);
    const report = await repairQcow2(await memoryOf(image.bytes), "all");
    expect(report.corruptions).toBeGreaterThan(0);
    expect(report.problems[0]?.message).toContain("lies outside the file");
  });

  it("clears the marks of dirty and corrupt images once nothing is wrong, and not before", async () => {
    for (const name of ["dirty", "corrupt"]) {
      const file = await memoryOf(fixtureBytes(name));
      expect(await marks(file)).toBeGreaterThan(0n);
      expect(await repairQcow2(file, "all")).toMatchObject({ corruptions: 0, leaks: 0 });
      expect(await marks(file)).toBe(0n);
    }
    const image = new Damage(fixtureBytes("corrupt"));
    image.change(image.l2Entries[0] ?? 0, () => COPIED | 0x7000_0000n);
    const file = await memoryOf(image.bytes);
    await repairQcow2(file, "all");
    expect(await marks(file)).toBe(2n);
  });

  it.each([0, 8, 1032, 4096])("gives snapshot table entries the extra data they must have: %i bytes", async (extra) => {
    const image = new Damage(await withExtraData(extra));
    const table = image.header.snapshotsOffset;
    const before = await Qcow2Image.open(await memoryOf(fixtureBytes("snapshot")));
    const [old] = await before.snapshots.list();
    const kept = await allBytes(await before.snapshots.open({ id: old?.id }));
    const file = await memoryOf(image.bytes);
    expect(await repairQcow2(file, "leaks")).not.toMatchObject({ corruptions: 0, checkErrors: 0 });
    expect(await repairQcow2(file, "all")).toMatchObject({
      corruptions: 0,
      leaks: 0,
      checkErrors: 0,
      fixed: { corruptions: 1 },
    });
    const repaired = new Damage(await allBytes(file));
    expect(repaired.header.snapshotsOffset).not.toBe(table);
    expect(Number(repaired.entryAt(repaired.header.snapshotsOffset + 32) & 0xffff_ffffn)).toBe(extra < 16 ? 24 : 1024);
    const after = await Qcow2Image.open(file);
    const names = (await before.snapshots.list()).map(({ name }) => name);
    expect((await after.snapshots.list()).map(({ name }) => name)).toEqual(names);
    expect(firstDifference(await allBytes(await after.snapshots.open({ id: old?.id })), kept)).toBe(-1);
  });

  it("keeps what a snapshot has where the snapshot table cannot be understood", async () => {
    const image = new Damage(fixtureBytes("snapshot"));
    image.change(image.header.snapshotsOffset + 32, () => 0x7fff_ffffn);
    const file = await memoryOf(image.bytes);
    expect(await repairQcow2(file, "all")).toMatchObject({ checkErrors: 1, fixed: { corruptions: 0, leaks: 0 } });
    expect(firstDifference(await allBytes(file), image.bytes)).toBe(-1);
  });

  it("keeps bitmaps, and clears what unknown features promise", async () => {
    const bitmap = new Damage(fixtureBytes("bitmap"));
    bitmap.setRefcount(0, 2);
    bitmap.bytes[88 + 4] = 1;
    const file = await memoryOf(bitmap.bytes);
    expect(await repairQcow2(file, "all")).toMatchObject({ fixed: { leaks: 1 } });
    expect(new DataView((await bytesAt(file, 88, 8)).buffer).getBigUint64(0)).toBe(1n);
  });

  it("repairs an image that is open, which then goes on", async () => {
    const damaged = new Damage(fixtureBytes("v3-64k"));
    damaged.setRefcount(5, 2);
    damaged.setRefcount(3, 0);
    const image = await Qcow2Image.open(await memoryOf(damaged.bytes), { write: true });
    await bytesAt(image, 0, image.size);
    expect(await image.check()).toMatchObject({ fixed: { corruptions: 0, leaks: 0 }, leaks: 1 });
    expect(await image.check({ repair: "all" })).toMatchObject({ corruptions: 0, leaks: 0, fixed: { leaks: 1 } });
    const bytes = pattern(image.size, 8);
    await image.write(bytes, 0);
    expect(firstDifference(await allBytes(image), bytes)).toBe(-1);
    await expectClean(image);
  });

  it("needs an image or a file that can be written to", async () => {
    const image = await Qcow2Image.open(await memoryOf(fixtureBytes("v3-64k")));
    await expect(image.check({ repair: "all" })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    const readOnly = new MemoryBackend({ readOnly: true });
    await expect(repairQcow2(readOnly, "all")).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });
});

describe("a dirty image", () => {
  it("is repaired when it is opened for writing, and read as it is otherwise", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.bytes[72 + 7] = 1;
    for (let cluster = 4; cluster < 8; cluster++) image.setRefcount(cluster, 0);
    const file = await memoryOf(image.bytes);
    const readOnly = await Qcow2Image.open(file);
    expect(readOnly.info().dirty).toBe(true);
    const bytes = await allBytes(readOnly);
    expect(firstDifference(await allBytes(file), image.bytes)).toBe(-1);
    const opened = await Qcow2Image.open(file, { write: true });
    expect(opened.info().dirty).toBe(false);
    expect(firstDifference(await allBytes(opened), bytes)).toBe(-1);
    await expectClean(opened);
  });

  it("that is refused stays as it is", async () => {
    const image = new Damage(fixtureBytes("chain-top"));
    image.bytes[72 + 7] = 1;
    for (let cluster = 4; cluster < 8; cluster++) image.setRefcount(cluster, 0);
    const refused = new Error("no such file");
    const refusals: Qcow2OpenOptions[] = [
      {},
      { backing: "ignore" },
      { openReferenced: () => Promise.reject(refused) },
      { backing: new MemoryBackend(), dataFile: new MemoryBackend() },
      { backing: new MemoryBackend(), encryption: { passphrase: new Uint8Array(1) }, dataFile: new MemoryBackend() },
      { backing: new MemoryBackend(), caches: { l2Bytes: NaN } },
    ];
    const file = await memoryOf(image.bytes);
    for (const options of refusals) await expect(Qcow2Image.open(file, { ...options, write: true })).rejects.toThrow();
    expect(firstDifference(await allBytes(file), image.bytes)).toBe(-1);
    (await Qcow2Image.open(file, { write: true, backing: new MemoryBackend() })).info();
    expect(firstDifference(await allBytes(file), image.bytes)).not.toBe(-1);
  });

  it("is not opened for writing where it cannot be repaired", async () => {
    const image = new Damage(fixtureBytes("v3-64k"));
    image.bytes[72 + 7] = 1;
    image.change(image.l2Entries[0] ?? 0, () => COPIED | 0x7000_0000n);
    const refusal = Qcow2Image.open(await memoryOf(image.bytes), { write: true });
    await expect(refusal).rejects.toMatchObject({
      code: "ERR_CORRUPT",
      message: expect.stringContaining("outside the file"),
    });
  });

  it("that cannot be repaired leaves nothing open that it names", async () => {
    const image = new Damage(fixtureBytes("chain-top"));
    image.bytes[72 + 7] = 1;
    image.change(image.l2Entries[0] ?? 0, () => COPIED | 0x7000_0000n);
    const below = new MemoryBackend();
    const refusal = Qcow2Image.open(await memoryOf(image.bytes), { write: true, openReferenced: async () => below });
    await expect(refusal).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    await expect(below.read(new Uint8Array(0), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe(`a repair that is cut short (INSTAR_SEED=${seed})`, () => {
  it.each(["v3-512", "refcount-1", "v2-512", "snapshot"])("is completed by the next one: %s", async (name) => {
    const random = new Random(seed);
    for (let round = 0; round < 12; round++) {
      const image = new Damage(fixtureBytes(name));
      const clusters = image.bytes.byteLength / image.clusterSize;
      const most = name === "refcount-1" ? 1 : 2;
      for (let n = 0; n < 6; n++) image.setRefcount(random.below(clusters), random.below(most + 1));
      for (const entry of image.l2Entries) if (random.once(3)) image.change(entry, (value) => value ^ COPIED);
      if (random.once(2)) image.change(image.header.refcountTableOffset, () => random.of(4n, 0n, 0x7000_0000n));
      const before = await allBytes(await Qcow2Image.open(await memoryOf(image.bytes)));

      const file = new RecordingFile(new Clock(), random);
      await file.write(image.bytes, 0);
      await file.sync();
      const begin = Math.max(...file.moments);
      expect(await repairQcow2(file, "all")).toMatchObject({ corruptions: 0, leaks: 0 });
      for (const moment of file.moments.filter((at) => at > begin)) {
        for (let cut = 0; cut < 3; cut++) {
          const pages: MemoryPages = file.after(moment, () => random.once(2));
          const where = `seed ${seed}, round ${round}, moment ${moment}`;
          const left = memoryFile(pages);
          expect(firstDifference(await allBytes(await Qcow2Image.open(memoryFile(pages))), before), where).toBe(-1);
          expect(await repairQcow2(left, "all"), where).toMatchObject({
            corruptions: 0,
            leaks: 0,
            checkErrors: 0,
          });
          expect(firstDifference(await allBytes(await Qcow2Image.open(left)), before), where).toBe(-1);
        }
      }
    }
  });
});
