import { type Capabilities, MemoryBackend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { type ImageReference, isQcow2Error, Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, pattern, plainDisk } from "./support.js";

const K = 1024;
const SIZE = 1000 * K + 100;

/** An image whose data is in another file. */
class Pair {
  readonly pages: MemoryPages = new MemoryPages();
  readonly dataPages: MemoryPages = new MemoryPages();
  image!: Qcow2Image;

  static async create(options: Partial<Qcow2CreateOptions> = {}, raw = false): Promise<Pair> {
    const pair = new Pair();
    pair.image = await Qcow2Image.create(memoryFile(pair.pages), {
      size: SIZE,
      ...options,
      dataFile: { name: "data.raw", raw, backend: memoryFile(pair.dataPages) },
    });
    return pair;
  }

  get data(): MemoryBackend {
    return memoryFile(this.dataPages);
  }

  async reopen(): Promise<Qcow2Image> {
    await this.image.close();
    return (this.image = await Qcow2Image.open(memoryFile(this.pages), { write: true, dataFile: this.data }));
  }

  /** Writes into the file of the image, past the image, and opens it. */
  async patched(offset: number, ...bytes: number[]): Promise<Qcow2Image> {
    await this.image.close();
    await memoryFile(this.pages).write(Uint8Array.from(bytes), offset);
    return (this.image = await Qcow2Image.open(memoryFile(this.pages), { write: true, dataFile: this.data }));
  }
}

/** A file that keeps its size, as a block device does. */
class FixedFile extends MemoryBackend {
  override readonly capabilities: Capabilities;

  constructor(size = 0) {
    super({ size });
    this.capabilities = { ...new MemoryBackend().capabilities, truncate: false, grow: false };
  }
}

/** Where the first L2 table of a small new image is, once it has one. */
const L2_TABLE = 4 * 65536;

describe("an image with an external data file", () => {
  it("keeps each cluster where the guest sees it, and counts none of them", async () => {
    const { image, data, pages } = await Pair.create();
    await image.write(pattern(200 * K, 1), 300 * K + 5);
    await image.sync();
    expect(firstDifference(await bytesAt(data, 300 * K + 5, 200 * K), pattern(200 * K, 1))).toBe(-1);
    expect(data.size).toBe(SIZE);
    // Header, refcount table, refcount block, L1 table, L2 table.
    expect(pages.size).toBe(5 * 65536);
    await expectClean(image);
    expect(image.info()).toMatchObject({ dataFile: "data.raw", dataFileRaw: false });
    expect(image.info().features.incompatible).toEqual(["external data file"]);
  });

  it("reads what was never written as zeroes, whatever the file holds there", async () => {
    const { image, data } = await Pair.create();
    await data.write(pattern(SIZE, 2), 0);
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
    await image.write(pattern(10, 3), 100_000);
    const expected = new Uint8Array(SIZE);
    expected.set(pattern(10, 3), 100_000);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
  });

  it("shows where bytes are in that file, the first cluster included", async () => {
    const { image } = await Pair.create();
    await image.write(pattern(10, 1), 0);
    await image.write(pattern(10, 1), 65536);
    const mappings = [];
    for await (const mapping of image.map(0, 200_000)) mappings.push(mapping);
    expect(mappings[0]).toMatchObject({ offset: 0, length: 131_072, data: true, hostOffset: 0, file: "memory" });
    expect(mappings[1]).toMatchObject({ offset: 131_072, present: false });
  });

  it("goes on over a backing image", async () => {
    const base = await plainDisk(pattern(500 * K, 7));
    const pair = await Pair.create({ backing: { name: "base", format: "raw" }, backingBackend: base });
    await pair.image.write(pattern(10, 1), 400 * K);
    await pair.image.writeZeroes(0, 65536);
    const expected = new Uint8Array(SIZE);
    expected.set(pattern(500 * K, 7));
    expected.set(pattern(10, 1), 400 * K);
    expected.fill(0, 0, 65536);
    expect(firstDifference(await allBytes(pair.image), expected)).toBe(-1);
    await expectClean(pair.image);
  });

  it("does not make the file longer than the disk", async () => {
    const { image, data } = await Pair.create();
    await image.write(pattern(10, 1), SIZE - 10);
    expect(data.size).toBe(SIZE);
    await image.truncate(SIZE - 70_000);
    expect(data.size).toBe(SIZE - 70_000);
    await image.truncate(SIZE);
    expect(data.size).toBe(SIZE);
    expect((await bytesAt(image, SIZE - 70_000, 70_000)).every((byte) => byte === 0)).toBe(true);
  });

  it("gives space in that file back", async () => {
    const { image, data } = await Pair.create();
    await image.write(pattern(300 * K, 1), 0);
    await image.discard(65536, 131_072);
    expect((await bytesAt(data, 65536, 131_072)).every((byte) => byte === 0)).toBe(true);
    expect(firstDifference(await bytesAt(data, 0, 65536), pattern(300 * K, 1).subarray(0, 65536))).toBe(-1);
    // Nor does it give anything of the image back, which a sync would do.
    await image.sync();
    await expectClean(image);
  });

  it("forgets the first cluster where the disk shrinks to nothing", async () => {
    const { image, data } = await Pair.create();
    await image.write(pattern(10, 1), 0);
    await image.truncate(0);
    await image.truncate(SIZE);
    await data.write(pattern(10, 2), 0);
    expect((await bytesAt(image, 0, 10)).every((byte) => byte === 0)).toBe(true);
  });

  it("has no compressed clusters", async () => {
    const { image } = await Pair.create();
    await expect(image.writeCompressed(new Uint8Array(65536), 0)).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED_FEATURE",
      message: "memory: clusters cannot be written compressed: the image has its data in another file",
    });
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
  });

  it("has no snapshots", async () => {
    const { image } = await Pair.create();
    await expect(image.snapshots.create({ name: "one", date: new Date(0) })).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
    });
  });

  it("closes the file with itself", async () => {
    const { image } = await Pair.create();
    await image.close();
    await expect(image.dataFile?.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("a raw data file", () => {
  it("is the disk as the guest sees it, after every kind of change", async () => {
    const pair = await Pair.create({}, true);
    let expected = new Uint8Array(SIZE);
    const expectEqual = async (after: string): Promise<void> => {
      expect(firstDifference(await allBytes(pair.image), expected), `image after ${after}`).toBe(-1);
      expect(firstDifference(await allBytes(pair.data), expected), `file after ${after}`).toBe(-1);
    };
    await expectEqual("creation");
    await pair.image.write(pattern(400 * K, 1), 100_000);
    expected.set(pattern(400 * K, 1), 100_000);
    await expectEqual("a write");
    await pair.image.writeZeroes(130_000, 200_000);
    expected.fill(0, 130_000, 330_000);
    await expectEqual("zeroes");
    await pair.image.write(pattern(5000, 2), 200_000);
    expected.set(pattern(5000, 2), 200_000);
    await expectEqual("a write over zeroes");
    await pair.image.discard(6 * 65536, 65536);
    expected.fill(0, 6 * 65536, 7 * 65536);
    await expectEqual("a discard");
    await pair.image.write(pattern(10, 3), 6 * 65536 + 100);
    expected.set(pattern(10, 3), 6 * 65536 + 100);
    await expectEqual("a write over what was discarded");
    await pair.image.truncate(480_000);
    expected = expected.slice(0, 480_000);
    await expectEqual("shrinking");
    await pair.image.truncate(SIZE + 300_000);
    const grown = new Uint8Array(SIZE + 300_000);
    grown.set(expected);
    expected = grown;
    await expectEqual("growing");
    await pair.reopen();
    await expectEqual("opening");
    await expectClean(pair.image);
  });

  it("loses what it holds behind the disk before the disk grows", async () => {
    const pair = await Pair.create({}, true);
    await pair.data.write(pattern(50_000, 1), SIZE);
    await pair.reopen();
    await pair.image.truncate(SIZE + 100_000);
    expect((await bytesAt(pair.image, SIZE, 100_000)).every((byte) => byte === 0)).toBe(true);
  });

  it("is mapped whole, so that what somebody else writes to it shows in the image", async () => {
    const pair = await Pair.create({ clusterSize: 4096 }, true);
    await pair.image.truncate(3 * SIZE);
    await pair.data.write(pattern(3 * SIZE, 9), 0);
    expect(firstDifference(await allBytes(pair.image), pattern(3 * SIZE, 9))).toBe(-1);
    const { features } = (await pair.reopen()).info();
    expect(features.autoclear).toEqual(["raw external data"]);
  });

  it("stays one through changes, while other autoclear features go", async () => {
    const pair = await Pair.create({}, true);
    const image = await pair.patched(88, 0, 0, 0, 0, 0, 0, 1, 2);
    expect(image.info().features.autoclear).toEqual(["raw external data", "bit 8"]);
    await image.write(pattern(10, 1), 0);
    expect(image.info().features.autoclear).toEqual(["raw external data"]);
  });

  it("loses what it held before, also where it cannot be truncated", async () => {
    const data = new FixedFile(SIZE + 1000);
    await data.write(pattern(SIZE + 1000, 1), 0);
    const image = await Qcow2Image.create(memoryFile(), {
      size: SIZE,
      dataFile: { name: "data", raw: true, backend: data },
    });
    expect((await allBytes(image)).every((byte) => byte === 0)).toBe(true);
    expect(image.capabilities.truncate).toBe(false);
  });
});

describe("what an image names as its data file", () => {
  const names = ['json:{"driver":"file"}', "/etc/passwd", "nbd://host/export", "data.raw"];

  it.each(names)("CVE-2024-32498, CVE-2024-4467: %s is not opened without a gate", async (name) => {
    const pages = new MemoryPages();
    const dataFile = { name, backend: memoryFile() };
    await (await Qcow2Image.create(memoryFile(pages), { size: SIZE, dataFile })).close();
    const error: unknown = await Qcow2Image.open(memoryFile(pages)).catch((reason: unknown) => reason);
    expect(isQcow2Error(error, "ERR_REFERENCE_DENIED")).toBe(true);
    expect(String(error)).toContain(JSON.stringify(name));
  });

  it.each(names)("CVE-2024-32498, CVE-2024-4467: %s is what the gate decides about, as it stands", async (name) => {
    const pages = new MemoryPages();
    const data = new MemoryPages();
    const dataFile = { name, backend: memoryFile(data) };
    await (await Qcow2Image.create(memoryFile(pages), { size: SIZE, dataFile })).close();
    const asked: ImageReference[] = [];
    const image = await Qcow2Image.open(memoryFile(pages), {
      write: true,
      openReferenced: async (reference) => (asked.push(reference), memoryFile(data)),
    });
    expect(asked).toEqual([{ kind: "data-file", name, format: "raw", image: "memory", depth: 1, write: true }]);
    await image.write(pattern(10, 1), 0);
    expect(firstDifference(await bytesAt(memoryFile(data), 0, 10), pattern(10, 1))).toBe(-1);
  });

  it("is closed again where the backing image cannot be opened", async () => {
    const base = await plainDisk(pattern(10, 1));
    const pair = await Pair.create({ backing: { name: "base", format: "raw" }, backingBackend: base });
    await pair.image.close();
    const opened: MemoryBackend[] = [];
    const opening = Qcow2Image.open(memoryFile(pair.pages), {
      openReferenced: async ({ kind }) => {
        if (kind === "backing") throw new Error("not this one");
        opened.push(pair.data);
        return opened[0] ?? pair.data;
      },
    });
    await expect(opening).rejects.toThrow("not this one");
    await expect(opened[0]?.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("an image whose data file is not as it must be", () => {
  it("is not opened where it names none and none is handed in", async () => {
    const pair = await Pair.create();
    await pair.image.close();
    // The type of the header extension, so that it is one that nobody knows.
    await memoryFile(pair.pages).write(Uint8Array.of(1, 2, 3, 4), 112);
    const opening = Qcow2Image.open(memoryFile(pair.pages));
    await expect(opening).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED" });
    await Qcow2Image.open(memoryFile(pair.pages), { dataFile: pair.data });
  });

  it("is not written to where the file is read-only", async () => {
    const pair = await Pair.create();
    const dataFile = new MemoryBackend({ pages: pair.dataPages, readOnly: true });
    const open = (write: boolean): Promise<Qcow2Image> => Qcow2Image.open(memoryFile(pair.pages), { write, dataFile });
    await expect(open(true)).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await open(false);
  });

  it("takes no data file where it has its data in itself", async () => {
    const pages = new MemoryPages();
    await Qcow2Image.create(memoryFile(pages), { size: SIZE });
    const opening = Qcow2Image.open(memoryFile(pages), { dataFile: memoryFile() });
    await expect(opening).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  it.each([
    [{ version: 2 }, {}, 'dataFile is "data", must be absent in version 2'],
    [{}, { name: "" }, "dataFile.name"],
    [{}, { name: "a\0b" }, "dataFile.name"],
    [{}, { backend: new FixedFile() }, "size of the data file is 0"],
    [{}, { backend: new MemoryBackend({ readOnly: true }) }, "is read-only"],
    [
      { backing: { name: "base", format: "raw" }, backingBackend: new MemoryBackend() },
      { raw: true },
      'dataFile.raw is "true", must be false beside a backing file',
    ],
  ] as const)("is not made with %o %o", async (options, how, message) => {
    const file = memoryFile();
    const dataFile = { name: "data", backend: memoryFile(), ...how };
    await expect(Qcow2Image.create(file, { size: SIZE, ...options, dataFile })).rejects.toThrow(message);
    expect(file.size).toBe(0);
  });

  it.each([
    ["lies elsewhere", [0x80, 0, 0, 0, 0, 2, 0, 0]],
    ["is compressed", [0x40, 0, 0, 0, 0, 5, 0, 0]],
  ])("is corrupt where a cluster %s", async (_, entry) => {
    const pair = await Pair.create();
    await pair.image.write(pattern(65536, 1), 65536);
    const image = await pair.patched(L2_TABLE + 8, ...entry);
    await expect(image.read(new Uint8Array(1), 65536)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    await expect(image.write(new Uint8Array(1), 65536)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect((await image.check()).corruptions).toBe(1);
  });

  it("is corrupt where a cluster lacks its COPIED flag, and gets it with the next write", async () => {
    const pair = await Pair.create();
    await pair.image.write(pattern(65536, 1), 65536);
    const image = await pair.patched(L2_TABLE + 8, 0);
    expect((await image.check()).corruptions).toBe(1);
    expect(firstDifference(await bytesAt(image, 65536, 65536), pattern(65536, 1))).toBe(-1);
    await image.write(pattern(10, 2), 70_000);
    const expected = pattern(65536, 1);
    expected.set(pattern(10, 2), 70_000 - 65536);
    expect(firstDifference(await bytesAt(image, 65536, 65536), expected)).toBe(-1);
    await expectClean(image);
  });

  it("is refused with snapshots, and for writing with a raw data file over a backing image", async () => {
    const pair = await Pair.create();
    await expect(pair.patched(60, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0)).rejects.toThrow("nb_snapshots is 1, must be 0");
    const base = await plainDisk(pattern(10, 1));
    const backed = await Pair.create({ backing: { name: "base", format: "raw" }, backingBackend: base });
    await expect(backed.patched(95, 2)).rejects.toMatchObject({ code: "ERR_INVALID_HEADER" });
  });

  it("can be looked at without the file", async () => {
    const pair = await Pair.create();
    await pair.image.write(pattern(10, 1), 0);
    await pair.image.close();
    const image = await Qcow2Image.open(memoryFile(pair.pages), { metadataOnly: true });
    expect(image.info().dataFile).toBe("data.raw");
    await expectClean(image);
    await expect(image.read(new Uint8Array(1), 0)).rejects.toThrow("opened with metadataOnly");
  });
});
