import { type Backend, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image, type ReferenceGate } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import {
  allBytes,
  bytesAt,
  expectClean,
  firstDifference,
  memoryFile,
  newImage,
  pattern,
  plainDisk,
} from "./support.js";

/** Opens files by their names; images in them through the same gate. */
function gateTo(files: ReadonlyMap<string, MemoryPages>, depths: number[] = []): ReferenceGate {
  return async (reference) => {
    depths.push(reference.depth);
    const pages = files.get(reference.name);
    if (!pages) throw new Error(`no file ${reference.name}`);
    const file = memoryFile(pages);
    if (reference.format === "raw") return file;
    return Qcow2Image.open(file, { openReferenced: gateTo(files, depths), depth: reference.depth });
  };
}

async function overlay(size: number, name: string, clusterSize: number): Promise<MemoryPages> {
  const backing = { name, format: "qcow2" };
  const { image, pages } = await newImage({ size, clusterSize, backing, backingBackend: memoryFile() });
  await image.close();
  return pages;
}

function over(bytes: Uint8Array, size: number, clusterSize: number, version: 2 | 3): Promise<Qcow2Image> {
  const backing = { name: "base", format: "raw" };
  return plainDisk(bytes).then((backingBackend) =>
    Qcow2Image.create(memoryFile(), { size, clusterSize, version, backing, backingBackend }),
  );
}

describe("a chain of images", () => {
  it("of thirty images of mixed cluster sizes shows in each place what is uppermost", async () => {
    const files = new Map<string, MemoryPages>();
    const model = new Uint8Array(600_000);
    for (let layer = 0; layer < 30; layer++) {
      const clusterSize = [512, 4096, 65_536, 1024][layer % 4] ?? 512;
      const backing = layer === 0 ? undefined : { name: `${layer - 1}`, format: "qcow2" };
      const backingBackend =
        layer === 0
          ? undefined
          : await gateTo(files)(
              { kind: "backing", name: `${layer - 1}`, format: "qcow2", image: "", depth: 1, write: false },
              {},
            );
      const { image, pages } = await newImage({ size: model.length, clusterSize, backing, backingBackend });
      const at = (layer * 71_993) % 550_000;
      await image.write(pattern(3000 + layer, layer), at);
      model.set(pattern(3000 + layer, layer), at);
      await expectClean(image);
      await image.close();
      files.set(`${layer}`, pages);
    }
    const depths: number[] = [];
    const top = await Qcow2Image.open(memoryFile(files.get("29")), { openReferenced: gateTo(files, depths) });
    expect(firstDifference(await allBytes(top), model)).toBe(-1);
    expect(depths).toEqual(Array.from({ length: 29 }, (_, index) => index + 1));
    await top.close();
  });

  it("is refused by default, naming the file and the rule", async () => {
    const pages = await overlay(1000, "../secret", 4096);
    const file = memoryFile(pages);
    await expect(Qcow2Image.open(file)).rejects.toMatchObject({
      code: "ERR_REFERENCE_DENIED",
      message: expect.stringMatching(/"\.\.\/secret".*openReferenced/),
      value: "../secret",
    });
    await expect(Qcow2Image.open(file, { backing: "ignore", write: true })).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
    });
    const alone = await Qcow2Image.open(file, { backing: "ignore" });
    expect(alone.info().backingFile).toBe("../secret");
  });

  it("is refused when it has no end", async () => {
    const files = new Map([["self", await overlay(1000, "self", 4096)]]);
    const open = Qcow2Image.open(memoryFile(files.get("self")), { openReferenced: gateTo(files) });
    await expect(open).rejects.toMatchObject({ code: "ERR_REFERENCE_DENIED", message: expect.stringMatching(/200/) });
  });

  it("is not begun without what it is to stand on", async () => {
    const file = await plainDisk(pattern(10, 1));
    const create = Qcow2Image.create(file, { size: 1000, backing: { name: "base", format: "raw" } });
    await expect(create).rejects.toMatchObject({ code: "ERR_INVALID_OPTION", field: "backingBackend" });
    expect(await allBytes(file)).toEqual(pattern(10, 1));
  });

  it("closes what it has opened", async () => {
    const opened: Backend[] = [];
    const pages = await overlay(1000, "base", 4096);
    const image = await Qcow2Image.open(memoryFile(pages), {
      openReferenced: async () => {
        const backing = await plainDisk(pattern(1000, 1));
        opened.push(backing);
        return backing;
      },
    });
    await image.close();
    await expect(opened[0]?.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("an image over a backing image", () => {
  for (const version of [2, 3] as const) {
    it(`copies what surrounds a write, up to the end of the backing image (version ${version})`, async () => {
      const base = pattern(10_000, 1);
      const image = await over(base, 20_000, 4096, version);
      const model = new Uint8Array(20_000);
      model.set(base);
      for (const [offset, length] of [
        [100, 50],
        [9_990, 30],
        [11_000, 10],
        [4_000, 200],
        [19_000, 1_000],
      ] as const) {
        await image.write(pattern(length, 7), offset);
        model.set(pattern(length, 7), offset);
        expect(firstDifference(await allBytes(image), model)).toBe(-1);
      }
      await expectClean(image);
    });

    it(`never shows more of the backing image than it had, however it is resized (version ${version})`, async () => {
      const image = await over(pattern(100_000, 1), 50_000, 4096, version);
      await image.truncate(70_000);
      const grown = await bytesAt(image, 50_000, 20_000);
      expect(grown.every((byte) => byte === 0)).toBe(true);
      await image.truncate(1_000);
      await image.truncate(90_000);
      expect((await bytesAt(image, 1_000, 89_000)).every((byte) => byte === 0)).toBe(true);
      expect(await bytesAt(image, 0, 1_000)).toEqual(pattern(100_000, 1).subarray(0, 1_000));
      await expectClean(image);
    });

    it(`zeroes hide it, and a discard does not bring it back (version ${version})`, async () => {
      const image = await over(pattern(50_000, 1), 50_000, 4096, version);
      await image.writeZeroes(1_000, 30_000);
      expect((await bytesAt(image, 1_000, 30_000)).every((byte) => byte === 0)).toBe(true);
      await image.discard(0, 50_000);
      expect((await bytesAt(image, 1_000, 30_000)).every((byte) => byte === 0)).toBe(true);
      await image.write(pattern(10, 2), 8_192);
      expect((await bytesAt(image, 8_202, 4_000)).every((byte) => byte === 0)).toBe(true);
      await expectClean(image);
    });
  }

  it("puts nothing around a write that was copied for another one", async () => {
    const base = pattern(16_384, 1);
    const file = memoryFile();
    const image = await Qcow2Image.create(file, {
      size: 18_000,
      clusterSize: 4096,
      backing: { name: "base", format: "raw" },
      backingBackend: await plainDisk(base),
    });
    await image.writeZeroes(4096, 4096);
    await image.write(pattern(4096, 2), 8192);
    await image.sync();
    await image.discard(8192, 4096);
    await image.sync();
    // In a host cluster that was let go, as the next one: all of it is written.
    await image.write(pattern(10, 3), 100);
    await image.discard(0, 4096);
    await image.sync();
    await image.write(pattern(10, 4), 5000);
    const written = await bytesAt(image, 4096, 4096);
    expect(firstDifference(written.subarray(904, 914), pattern(10, 4))).toBe(-1);
    expect(written.fill(0, 904, 914).every((byte) => byte === 0)).toBe(true);
    await expectClean(image);
  });

  it("keeps the surroundings of writes apart that go on side by side", async () => {
    const base = pattern(65_536, 1);
    const file = new FaultyFile(memoryFile());
    const backing = { name: "base", format: "raw" };
    const image = await Qcow2Image.create(file, {
      size: base.length,
      clusterSize: 4096,
      backing,
      backingBackend: await plainDisk(base),
    });
    await image.write(pattern(10, 2), 100);
    const { promise, resolve } = Promise.withResolvers<void>();
    let waiting = 0;
    file.waits = (kind) => {
      if (kind !== "write") return undefined;
      if (++waiting === 15) resolve();
      return promise;
    };
    const model = base.slice();
    model.set(pattern(10, 2), 100);
    const writes = Array.from({ length: 15 }, (_, index) => {
      const at = (index + 1) * 4096 + 100;
      model.set(pattern(10, index), at);
      return image.write(pattern(10, index), at);
    });
    await Promise.all(writes);
    expect(firstDifference(await allBytes(image), model)).toBe(-1);
    await expectClean(image);
  });

  it("tells in its extents and its map which layer has what", async () => {
    const image = await over(pattern(16_384, 1), 40_000, 4096, 3);
    await image.write(pattern(4096, 2), 4096);
    await image.writeZeroes(8192, 4096);
    const kinds: string[] = [];
    for await (const { length, kind } of image.extents(0, 40_000)) kinds.push(`${length} ${kind}`);
    expect(kinds).toEqual(["4096 data", "4096 data", "4096 zero", "4096 data", "23616 hole"]);
    const map: string[] = [];
    for await (const { length, depth, present, zero, data } of image.map(0, 40_000)) {
      map.push(`${length} ${depth} ${present ? "present" : "absent"} ${zero ? "zero" : ""}${data ? "data" : ""}`);
    }
    expect(map).toEqual([
      "4096 1 present data",
      "4096 0 present data",
      "4096 0 present zero",
      "4096 1 present data",
      "23616 0 absent zero",
    ]);
  });
});
