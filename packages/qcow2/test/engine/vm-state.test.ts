import { MemoryBackend } from "@instar/backend";
import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { hasQemu, qemuImg, qemuIo, qemuNote, Scratch } from "../format-support.js";
import {
  allBytes,
  encryptionOf,
  expectClean,
  firstDifference,
  memoryFile,
  newImage,
  pattern,
  plainDisk,
} from "./support.js";

const MiB = 2 ** 20;

async function stateOf(image: Qcow2Image, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length).fill(0xa5);
  await image.vmState.read(bytes, offset);
  return bytes;
}

const KINDS = {
  "clusters of 64 KiB": { clusterSize: 65_536 },
  "clusters of 512 bytes": { clusterSize: 512 },
  "version 2": { version: 2 as const, clusterSize: 4096 },
  subclusters: { clusterSize: 16_384, extendedL2: true },
  encrypted: { clusterSize: 4096, encryption: encryptionOf("secret") },
};

describe("the VM state", () => {
  it.each(Object.entries(KINDS))("is kept beside the disk: %s", async (_, kind) => {
    const below = pattern(3 * MiB, 7);
    const { image, pages } = await newImage({
      ...kind,
      size: MiB,
      backing: { name: "base", format: "raw" },
      // Longer than the disk: what it has behind the end must not show.
      backingBackend: await plainDisk(below),
    });
    await image.write(pattern(5000, 1), 1000);
    const disk = await allBytes(image);
    expect((await stateOf(image, 0, 5000)).every((byte) => byte === 0)).toBe(true);
    await image.vmState.write(pattern(300_000, 2), 100_100);
    await image.vmState.write(pattern(700, 3), 150_000);
    const expected = new Uint8Array(500_000);
    expected.set(pattern(300_000, 2), 100_100);
    expected.set(pattern(700, 3), 150_000);
    expect(firstDifference(await stateOf(image, 0, 500_000), expected)).toBe(-1);
    expect(firstDifference(await allBytes(image), disk)).toBe(-1);
    await expectClean(image);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages), {
      backing: await plainDisk(below),
      encryption: "encryption" in kind ? kind.encryption : undefined,
    });
    expect(firstDifference(await stateOf(again, 0, 500_000), expected)).toBe(-1);
    expect(firstDifference(await allBytes(again), disk)).toBe(-1);
    await expect(again.vmState.write(pattern(1, 1), 0)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });

  it("that a snapshot has taken along stays as it was when it is written to", async () => {
    const { image } = await newImage({ size: MiB, clusterSize: 4096 });
    await image.vmState.write(pattern(20_000, 1), 0);
    await image.snapshots.create({ name: "one", date: new Date(0) });
    await image.vmState.write(pattern(100, 2), 5000);
    const expected = pattern(20_000, 1);
    expected.set(pattern(100, 2), 5000);
    expect(firstDifference(await stateOf(image, 0, 20_000), expected)).toBe(-1);
    await image.snapshots.apply({ name: "one" });
    expect(firstDifference(await stateOf(image, 0, 20_000), pattern(20_000, 1))).toBe(-1);
    await expectClean(image);
  });

  it("is gone where the disk grows over it, and never shows on the disk", async () => {
    const { image } = await newImage({ size: MiB, clusterSize: 512 });
    await image.vmState.write(pattern(100_000, 1), 0);
    await image.truncate(3 * MiB);
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
    await expectClean(image);
  });

  it("is refused where it has no place", async () => {
    const { image } = await newImage({ size: MiB, clusterSize: 512 });
    await expect(image.vmState.write(new Uint8Array(512), 2 ** 40)).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expect(image.vmState.read(new Uint8Array(512), -1)).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expectClean(image);
    const dataFile = { name: "data", backend: new MemoryBackend() };
    const external = await Qcow2Image.create(new MemoryBackend(), { size: MiB, dataFile });
    await expect(external.vmState.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    await image.close();
    await expect(stateOf(image, 0, 1)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe.skipIf(!hasQemu)(`the VM state, QEMU and we in turn${qemuNote}`, () => {
  it.each(["cluster_size=512", "cluster_size=65536", "extended_l2=on,cluster_size=16k"])("%s", async (options) => {
    using scratch = new Scratch();
    const path = scratch.file("image.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, path, "5M");
    qemuIo(path, "write -q -P 1 0 5M", "write -q -b -P 2 0 100k");
    const image = await Qcow2Image.open(await FsBackend.open(path, { write: true }), { write: true });
    expect((await stateOf(image, 0, 102_400)).every((byte) => byte === 2)).toBe(true);
    await image.vmState.write(new Uint8Array(51_200).fill(3), 1_024_000);
    await image.vmState.write(new Uint8Array(1000).fill(4), 512);
    await image.close();
    qemuIo(path, "read -b -P 2 0 512", "read -b -P 3 1000k 50k", "read -b -P 2 2k 98k", "read -P 1 0 5M");
    qemuIo(path, "read -b -P 4 -l 1000 512 1k");
    qemuImg("check", "-q", path);
  });
});
