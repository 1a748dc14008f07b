import { describe, expect, it } from "vitest";

import { type Qcow2CreateOptions, Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import { bytesAt, expectClean, firstDifference, memoryFile, pattern, plainDisk } from "./support.js";

const CLUSTER = 65_536;

async function counted(options: Partial<Qcow2CreateOptions> = {}): Promise<{ image: Qcow2Image; file: FaultyFile }> {
  const file = new FaultyFile(memoryFile());
  const image = await Qcow2Image.create(file, { size: 2 ** 31, ...options });
  // The first write makes an L2 table.
  await image.write(pattern(CLUSTER, 1), 0);
  await image.sync();
  file.requests.length = 0;
  return { image, file };
}

describe("how many requests of the file a request of the guest takes", () => {
  it("one for a run of fresh clusters, one to overwrite it, one to read it", async () => {
    const { image, file } = await counted();
    const bytes = pattern(10 * CLUSTER, 2);
    await image.write(bytes, CLUSTER);
    expect(file.requests).toMatchObject([{ kind: "write", length: 10 * CLUSTER }]);
    await image.write(bytes, CLUSTER);
    expect(firstDifference(await bytesAt(image, CLUSTER, 10 * CLUSTER), bytes)).toBe(-1);
    expect(file.requests.map(({ kind }) => kind)).toEqual(["write", "write", "read"]);
  });

  it("one of just the bytes for part of a cluster that lies behind the end of the file", async () => {
    const { image, file } = await counted();
    await image.write(pattern(4096, 2), 10 * CLUSTER + 8192);
    expect(file.requests).toMatchObject([{ kind: "write", length: 4096 }]);
  });

  it("one of the whole cluster for part of one that was used before", async () => {
    const { image, file } = await counted();
    await image.discard(0, CLUSTER);
    await image.sync();
    file.requests.length = 0;
    await image.write(pattern(4096, 2), 10 * CLUSTER + 8192);
    expect(file.requests).toMatchObject([{ kind: "write", length: CLUSTER }]);
  });

  it("one read of the backing image and one write, for a few bytes inside a cluster", async () => {
    const backingBackend = new FaultyFile(await plainDisk(pattern(4 * CLUSTER, 9)));
    const { image, file } = await counted({ backing: { name: "base", format: "raw" }, backingBackend });
    backingBackend.requests.length = 0;
    await image.write(pattern(4096, 2), 2 * CLUSTER + 8192);
    expect(file.requests).toMatchObject([{ kind: "write", length: CLUSTER }]);
    expect(backingBackend.requests).toMatchObject([{ kind: "read", length: CLUSTER }]);
  });

  it("two reads of the backing image for most of a cluster: of what comes before, and of what follows", async () => {
    const backingBackend = new FaultyFile(await plainDisk(pattern(4 * CLUSTER, 9)));
    const { image } = await counted({ backing: { name: "base", format: "raw" }, backingBackend });
    backingBackend.requests.length = 0;
    await image.write(pattern(CLUSTER - 2048, 2), 2 * CLUSTER + 1024);
    expect(backingBackend.requests.map(({ kind, length }) => [kind, length])).toEqual([
      ["read", 1024],
      ["read", 1024],
    ]);
  });

  it("one of just the subclusters, where L2 entries tell them apart", async () => {
    const { image, file } = await counted({ extendedL2: true });
    await image.discard(0, CLUSTER);
    await image.sync();
    file.requests.length = 0;
    await image.write(pattern(1000, 2), 10 * CLUSTER + 8192);
    await image.write(pattern(2048, 3), 10 * CLUSTER + 20_480);
    await image.write(pattern(1000, 4), 10 * CLUSTER + 8193);
    expect(file.requests.map(({ kind, length }) => [kind, length])).toEqual([
      ["write", 2048],
      ["write", 2048],
      ["write", 1000],
    ]);
    expect((await image.check()).allocatedClusters).toBe(1);
    const stored: number[][] = [];
    for await (const { offset, length, data } of image.map(10 * CLUSTER, CLUSTER)) {
      if (data) stored.push([offset - 10 * CLUSTER, length]);
    }
    expect(stored).toEqual([
      [8192, 2048],
      [20_480, 2048],
    ]);
  });

  it("none for zeroes, nor for what is not there", async () => {
    const { image, file } = await counted();
    await image.writeZeroes(0, CLUSTER);
    await image.writeZeroes(2 ** 29, 2 ** 30);
    await image.discard(CLUSTER, 100 * CLUSTER);
    expect((await bytesAt(image, 0, 20 * CLUSTER)).every((byte) => byte === 0)).toBe(true);
    expect(file.requests).toEqual([]);
  });

  it("side by side, writes to one fresh cluster allocate it once", async () => {
    const { image, file } = await counted();
    const before = file.size;
    await Promise.all(
      Array.from({ length: 16 }, (_, part) => image.write(pattern(4096, part), 7 * CLUSTER + part * 4096)),
    );
    expect(file.size - before).toBe(CLUSTER);
    for (let part = 0; part < 16; part++) {
      const found = await bytesAt(image, 7 * CLUSTER + part * 4096, 4096);
      expect(firstDifference(found, pattern(4096, part)), `part ${part}`).toBe(-1);
    }
    await expectClean(image);
  });

  it("side by side, writes that need one new L2 table make it once", async () => {
    const { image } = await counted({ clusterSize: 4096, size: 2 ** 28 });
    const before = (await image.check()).imageEndOffset;
    await Promise.all(Array.from({ length: 8 }, (_, at) => image.write(pattern(4096, at), 2 ** 27 + at * 65_536)));
    // Eight clusters and one table.
    expect((await image.check()).imageEndOffset - before).toBe(9 * 4096);
    await expectClean(image);
  });
});
