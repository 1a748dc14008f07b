import { readFileSync } from "node:fs";

import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { findSnapshot, Qcow2Image } from "../../src/index.js";
import { allBytes, bytesAt, expectClean, firstDifference, pattern } from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";
import { openImage } from "../interop/files.js";

const SIZE = 2 * 1024 * 1024;

/** The disk, or that of a snapshot, as QEMU reads it. */
function qemuDisk(path: string, snapshot?: string): Uint8Array {
  const which = snapshot === undefined ? [] : ["-l", `snapshot.id=${snapshot}`];
  qemuImg("convert", "-f", "qcow2", ...which, "-O", "raw", path, `${path}.raw`);
  return readFileSync(`${path}.raw`);
}

function expectSound(path: string): void {
  const { corruptions, leaks } = qemuImgJson(["check", "--output=json", path]);
  expect({ corruptions, leaks }).toEqual({});
}

/** Pretends that a snapshot was of a disk of `diskSize` bytes, with the state of a machine behind it. */
async function pretendState(path: string, diskSize: number, stateSize: number): Promise<void> {
  const file = await FsBackend.open(path, { write: true });
  const header = new DataView((await bytesAt(file, 0, 104)).buffer);
  const table = Number(header.getBigUint64(64));
  const sizes = new DataView(new ArrayBuffer(16));
  sizes.setBigUint64(0, BigInt(stateSize));
  sizes.setBigUint64(8, BigInt(diskSize));
  await file.write(new Uint8Array(sizes.buffer), table + 40);
  await file.close();
}

describe.skipIf(!hasQemu)(`snapshots and QEMU${qemuNote}`, () => {
  for (const options of [
    "cluster_size=512",
    "compat=0.10",
    "cluster_size=4k,refcount_bits=32",
    "cluster_size=64k",
    "cluster_size=32k,extended_l2=on",
  ]) {
    it(`each lists, reads, applies and removes what the other made: ${options}`, async () => {
      using scratch = new Scratch();
      const path = scratch.file("image");
      qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, `${SIZE}`);
      const contents = new Map<string, Uint8Array>();
      const compressed = ["write -c -P 9 1792k 256k"];
      for (let round = 1; round <= 3; round++) {
        qemuIo(path, `write -P ${round} ${round * 100}k 300k`, ...(round === 1 ? compressed : []));
        if (round === 2) qemuIo(path, "write -z 500k 128k");
        qemuImg("snapshot", "-c", `theirs ${round}`, path);
        contents.set(String(2 * round - 1), qemuDisk(path));
        const image = await openImage(path, true);
        await image.write(pattern(70_000, round), round * 123_456);
        const { id } = await image.snapshots.create({ name: `ours ${round}`, date: new Date(1_700_000_000_500) });
        expect(id).toBe(String(2 * round));
        contents.set(id, await allBytes(image));
        await image.close();
        expectSound(path);
      }
      const listed = qemuImg("snapshot", "-l", path);
      for (const [id, bytes] of contents) {
        expect(listed).toMatch(
          new RegExp(`^${id} +${Number(id) % 2 === 1 ? "theirs" : "ours"} ${Math.ceil(Number(id) / 2)} `, "m"),
        );
        expect(firstDifference(qemuDisk(path, id), bytes), `snapshot ${id}`).toBe(-1);
      }
      const image = await openImage(path, true);
      for (const [id, bytes] of contents) {
        const disk = await image.snapshots.open({ id });
        expect(firstDifference(await allBytes(disk), bytes), `snapshot ${id}`).toBe(-1);
        await disk.close();
        await image.snapshots.apply({ id });
        expect(firstDifference(await allBytes(image), bytes), `snapshot ${id}`).toBe(-1);
        await image.write(pattern(5000, 99), 40_000);
        await expectClean(image);
      }
      await image.snapshots.remove({ name: "theirs 1" });
      await image.close();
      expectSound(path);
      for (const id of ["2", "3", "6"]) {
        qemuImg("snapshot", "-a", id, path);
        expect(firstDifference(qemuDisk(path), contents.get(id) ?? new Uint8Array(0))).toBe(-1);
        expectSound(path);
      }
      qemuImg("snapshot", "-d", "ours 1", path);
      qemuIo(path, "write -P 50 0 2M");
      expectSound(path);
      const again = await openImage(path, true);
      expect((await again.snapshots.list()).map(({ id }) => id)).toEqual(["3", "4", "5", "6"]);
      for (const id of ["3", "4", "5", "6"]) await again.snapshots.remove({ id });
      expect(again.info().snapshots).toBe(0);
      await expectClean(again);
      await again.close();
      expectSound(path);
    });
  }

  it("take the size of the disk with them", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", "-o", "cluster_size=512", path, `${SIZE}`);
    qemuIo(path, "write -P 1 0 2M");
    const image = await openImage(path, true);
    await image.snapshots.create({ name: "large", date: new Date(0) });
    await image.truncate(SIZE / 4);
    await image.snapshots.create({ name: "small", date: new Date(0) });
    await image.snapshots.apply({ name: "large" });
    expect(image.size).toBe(SIZE);
    expect((await allBytes(image)).every((byte) => byte === 1)).toBe(true);
    await image.close();
    qemuImg("snapshot", "-a", "small", path);
    expect(qemuImgJson(["info", "--output=json", path])["virtual-size"]).toBe(SIZE / 4);
    const again = await openImage(path, true);
    expect((await again.snapshots.list()).map(({ diskSize }) => diskSize)).toEqual([SIZE, SIZE / 4]);
    await again.snapshots.apply({ id: "1" });
    expect(again.size).toBe(SIZE);
    await expectClean(again);
    await again.close();
    expectSound(path);
  });

  it("keep the state of a virtual machine", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    // What lies behind the first 64 KiB plays the state.
    qemuImg("create", "-q", "-f", "qcow2", "-o", "cluster_size=512", path, "256k");
    qemuIo(path, "write -P 1 0 64k", "write -P 7 64k 100k");
    qemuImg("snapshot", "-c", "with state", path);
    await pretendState(path, 65_536, 102_400);
    const image = await openImage(path, true);
    expect(await image.snapshots.list()).toMatchObject([{ vmStateSize: 102_400, diskSize: 65_536 }]);
    await image.snapshots.apply({ id: "1" });
    expect(image.size).toBe(65_536);
    await image.snapshots.create({ name: "after", date: new Date(0) });
    await image.write(pattern(60_000, 3), 0);
    await image.truncate(262_144);
    expect((await bytesAt(image, 65_536, 196_608)).every((byte) => byte === 0)).toBe(true);
    await image.snapshots.remove({ name: "after" });
    await image.snapshots.apply({ id: "1" });
    await expectClean(image);
    await image.close();
    expectSound(path);
    expect(qemuImg("snapshot", "-l", path)).toMatch(/^1 +with state +100 KiB /m);
    await pretendState(path, 262_144, 0);
    const state = qemuDisk(path, "1").subarray(65_536, 65_536 + 102_400);
    expect(state.every((byte) => byte === 7)).toBe(true);
  });

  it("are numbered and found as QEMU does it", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image");
    qemuImg("create", "-q", "-f", "qcow2", path, "1M");
    const image = await openImage(path, true);
    await image.snapshots.create({ name: "x", id: "12abc", date: new Date(0) });
    await image.snapshots.create({ name: "12abc", date: new Date(0), vmClock: 90_061_000_000_000n });
    await image.close();
    qemuImg("snapshot", "-c", "x", path);
    const again = await openImage(path);
    const list = await again.snapshots.list();
    expect(list.map(({ id, name }) => [id, name])).toEqual([
      ["12abc", "x"],
      ["13", "12abc"],
      ["14", "x"],
    ]);
    expect(findSnapshot(list, "12abc")?.name).toBe("x");
    expect(findSnapshot(list, "x")?.id).toBe("12abc");
    expect(findSnapshot(list, "nothing")).toBeUndefined();
    expect(qemuImg("snapshot", "-l", path)).toMatch(/^13 +12abc .* 25:01:01\.000/m);
    await again.close();
  });

  it("are refused where refcounts are too narrow, and then nothing has changed", async () => {
    using scratch = new Scratch();
    for (const bits of [1, 2]) {
      const path = scratch.file(`image-${bits}`);
      qemuImg("create", "-q", "-f", "qcow2", "-o", `refcount_bits=${bits}`, path, "1M");
      qemuIo(path, "write -P 1 0 200k");
      const image = await openImage(path, true);
      const most = 2 ** bits - 2;
      for (let number = 0; number < most; number++) await image.snapshots.create({ name: "fits", date: new Date(0) });
      const before = readFileSync(path);
      const refused = image.snapshots.create({ name: "too many", date: new Date(0) });
      await expect(refused).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
      await image.close();
      expect(firstDifference(readFileSync(path).subarray(0, before.length), before)).toBe(-1);
      expectSound(path);
    }
  });
});

describe("snapshots that cannot be", () => {
  it("are refused", async () => {
    using scratch = new Scratch();
    const file = await FsBackend.open(scratch.file("image"), { write: true, create: "new" });
    const image = await Qcow2Image.create(file, { size: 1_000_000, version: 2 });
    const date = new Date(0);
    await image.snapshots.create({ name: "one", date });
    for (const wrong of [
      { name: "x".repeat(256), date },
      { name: "a\0", date },
      { name: "a", id: "", date },
      { name: "a", id: "1", date },
      { name: "a", id: "é".repeat(64), date },
      { name: "a", date: new Date(-1) },
      { name: "a", date: new Date(Number.NaN) },
      { name: "a", date, vmClock: -1n },
    ]) {
      await expect(image.snapshots.create(wrong)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    }
    await expect(image.snapshots.apply({})).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(image.snapshots.apply({ id: "2" })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(image.snapshots.remove({ id: "1", name: "two" })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(image.truncate(2_000_000)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    const disk = await image.snapshots.open({ id: "1" });
    await expect(image.snapshots.remove({ id: "1" })).rejects.toMatchObject({ code: "ERR_LOCKED" });
    await disk.close();
    await image.snapshots.remove({ id: "1" });
    await image.truncate(2_000_000);
    await image.close();
    await expect(image.snapshots.create({ name: "late", date })).rejects.toMatchObject({ code: "ERR_CLOSED" });
    const readOnly = await openImage(scratch.file("image"));
    await expect(readOnly.snapshots.create({ name: "a", date })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await readOnly.close();
  });
});
