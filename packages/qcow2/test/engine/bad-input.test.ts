import { MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { allBytes, bytesAt, memoryFile, newImage, pattern } from "./support.js";

const CLUSTER = 4096;

/** An image with one cluster of data, closed, and its bytes to be damaged. */
async function written(size = 1_000_000): Promise<{ pages: MemoryPages; view: () => Promise<DataView> }> {
  const { image, pages } = await newImage({ size, clusterSize: CLUSTER });
  await image.write(pattern(CLUSTER, 1), 0);
  await image.close();
  return { pages, view: async () => new DataView((await allBytes(memoryFile(pages))).buffer) };
}

/** Writes eight bytes into the file. */
function poke(pages: MemoryPages, offset: number, high: number, low: number): void {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, high);
  view.setUint32(4, low);
  pages.write(bytes, offset);
}

async function damaged(where: "l1" | "l2" | "refcountTable", high: number, low: number): Promise<MemoryPages> {
  const { pages, view } = await written();
  const file = await view();
  const l1 = file.getUint32(44);
  const places = { l1, l2: file.getUint32(l1 + 4), refcountTable: file.getUint32(52) };
  poke(pages, places[where], high, low);
  return pages;
}

describe("an image refuses what it cannot do", () => {
  it("reading past the end, and writing past it", async () => {
    const { image } = await newImage({ size: 1000 });
    await expect(image.read(new Uint8Array(2), 999)).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expect(image.write(new Uint8Array(2), 999)).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expect(image.map(0, 1001).next()).rejects.toMatchObject({ code: "ERR_RANGE" });
  });

  it("writing where it was opened for reading, or where the file is read-only", async () => {
    const { pages } = await written();
    const image = await Qcow2Image.open(memoryFile(pages));
    await expect(image.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await expect(image.truncate(1)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    const file = new MemoryBackend({ pages, readOnly: true });
    await expect(Qcow2Image.open(file, { write: true })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    expect((await Qcow2Image.open(file)).capabilities.write).toBe(false);
  });

  it("a size that no L1 table can map", async () => {
    const { image } = await newImage({ size: 1000, clusterSize: 512 });
    await expect(image.truncate(2 ** 50)).rejects.toMatchObject({ code: "ERR_RANGE" });
    expect(image.size).toBe(1000);
  });

  it("writing to an image that is marked corrupt, which can be read", async () => {
    const { pages } = await written();
    poke(pages, 72, 0, 2);
    const refusal = Qcow2Image.open(memoryFile(pages), { write: true });
    await expect(refusal).rejects.toMatchObject({ code: "ERR_CORRUPT", message: expect.stringContaining("corrupt") });
    const image = await Qcow2Image.open(memoryFile(pages));
    expect(await bytesAt(image, 0, CLUSTER)).toEqual(pattern(CLUSTER, 1));
  });

  it("an encrypted image", async () => {
    const { pages } = await written();
    pages.write(new Uint8Array([0, 0, 0, 1]), 32);
    await expect(Qcow2Image.open(memoryFile(pages))).rejects.toMatchObject({ code: "ERR_ENCRYPTED" });
  });

  it("a file that is none, which it leaves open", async () => {
    const file = new MemoryBackend({ size: 100_000 });
    await expect(Qcow2Image.open(file)).rejects.toMatchObject({ code: "ERR_NOT_THIS_FORMAT" });
    await file.read(new Uint8Array(1), 0);
  });
});

describe("an image with broken tables says what is broken", () => {
  const cases = [
    ["l2", 0x80000000, 0x00000200, /L2 entry of guest offset 0 is "0x8000000000000200".*multiple of the cluster size/],
    ["l2", 0x80000100, 0x00000000, /L2 entry of guest offset 0.*inside the file/],
    ["l2", 0x90000000, 0x00005000, /L2 entry of guest offset 0.*reserved bits/],
    ["l1", 0x80000000, 0x00000200, /L1 entry 0.*multiple of the cluster size/],
    ["l1", 0x80ffffff, 0xfffff000, /L1 entry 0.*inside the file/],
    ["l1", 0xf0000000, 0x00005000, /L1 entry 0.*reserved bits/],
  ] as const;
  for (const [where, high, low, message] of cases) {
    it(`${where} entry 0x${high.toString(16)}${low.toString(16).padStart(8, "0")}`, async () => {
      const pages = await damaged(where, high, low);
      const image = await Qcow2Image.open(memoryFile(pages), { write: true });
      const refusal = { code: "ERR_CORRUPT", message: expect.stringMatching(message) };
      await expect(bytesAt(image, 0, CLUSTER)).rejects.toMatchObject(refusal);
      await expect(image.write(new Uint8Array(10), 0)).rejects.toMatchObject(refusal);
      await expect(image.map(0, 1).next()).rejects.toMatchObject(refusal);
    });
  }

  it.each([
    ["a subcluster both allocated and zero", 0x80000000, 0x00000010, 0x00000010, /both allocated .* and zero/],
    ["allocated subclusters without a host cluster", 0, 0, 0x00000003, /without a host cluster/],
    ["a compressed cluster with a bitmap", 0x40000000, 0x00000001, 0, /clear, its cluster being compressed/],
  ])("%s", async (_, high, zero, stored, message) => {
    const clusterSize = 16_384;
    const { image, pages } = await newImage({ size: 2 ** 20, clusterSize, extendedL2: true });
    await image.write(pattern(clusterSize, 1), 0);
    await image.close();
    const file = new DataView((await allBytes(memoryFile(pages))).buffer);
    const table = file.getUint32(file.getUint32(44) + 4);
    if (high === 0) poke(pages, table, 0, 0);
    else poke(pages, table, high, file.getUint32(table + 4));
    poke(pages, table + 8, zero, stored);
    const broken = await Qcow2Image.open(memoryFile(pages), { write: true });
    const field = "subcluster bitmap of guest offset 0";
    const refusal = { code: "ERR_CORRUPT", field, message: expect.stringMatching(message) };
    await expect(bytesAt(broken, 0, 100)).rejects.toMatchObject(refusal);
    await expect(broken.write(new Uint8Array(10), 0)).rejects.toMatchObject(refusal);
    await expect(broken.writeZeroes(0, clusterSize)).rejects.toMatchObject(refusal);
    await expect(broken.discard(0, clusterSize)).rejects.toMatchObject(refusal);
    expect((await broken.check()).corruptions).toBeGreaterThan(0);
    // What leaves the disk is forgotten, whatever it was.
    await broken.truncate(0);
    await broken.truncate(2 ** 20);
    expect((await bytesAt(broken, 0, clusterSize)).every((byte) => byte === 0)).toBe(true);
  });

  it("a refcount block outside of the file: nothing is allocated", async () => {
    const pages = await damaged("refcountTable", 0x100, 0);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    expect(await bytesAt(image, 0, CLUSTER)).toEqual(pattern(CLUSTER, 1));
    const refusal = { code: "ERR_CORRUPT", message: expect.stringMatching(/refcount table entry 0.*inside the file/) };
    await expect(image.write(new Uint8Array(10), 100_000)).rejects.toMatchObject(refusal);
  });

  it("refcounts of 0 for the header: it is not overwritten", async () => {
    const { pages, view } = await written();
    const file = await view();
    const before = await bytesAt(memoryFile(pages), 0, CLUSTER);
    const block = file.getUint32(file.getUint32(52) + 4);
    pages.write(new Uint8Array(CLUSTER), block);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    const refusal = { code: "ERR_CORRUPT", message: expect.stringMatching(/overlap the header/) };
    await expect(image.write(pattern(CLUSTER, 2), 100_000)).rejects.toMatchObject(refusal);
    // Nothing has changed but the mark of a corrupt image.
    before[79] = 2;
    expect(await bytesAt(memoryFile(pages), 0, CLUSTER)).toEqual(before);
  });

  it("a guest cluster that is mapped to the L1 table: it is not overwritten", async () => {
    const { view } = await written();
    const l1 = (await view()).getUint32(44);
    const pages = await damaged("l2", 0x80000000, l1);
    const image = await Qcow2Image.open(memoryFile(pages), { write: true });
    const refusal = { code: "ERR_CORRUPT", message: expect.stringMatching(/overlap the L1 table/) };
    await expect(image.write(pattern(CLUSTER, 2), 0)).rejects.toMatchObject(refusal);
  });

  it("a file that was cut: what is missing is not taken for zeroes", async () => {
    const { pages } = await written();
    pages.resize(pages.size - CLUSTER);
    const image = await Qcow2Image.open(memoryFile(pages));
    await expect(bytesAt(image, 0, CLUSTER)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
  });
});
