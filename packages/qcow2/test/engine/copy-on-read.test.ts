import { BackendError, MemoryBackend } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image, type Qcow2CreateOptions } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import { allBytes, bytesAt, expectClean, firstDifference, memoryFile, pattern, plainDisk } from "./support.js";

const CLUSTER = 65_536;
const SIZE = 20 * CLUSTER + 512;

/** An image that copies on read, its file, and what is below, which can fail and wait. */
async function overSlow(
  below: Uint8Array,
  options: Partial<Qcow2CreateOptions> = {},
): Promise<{ image: Qcow2Image; file: FaultyFile; remote: FaultyFile }> {
  const file = new FaultyFile(memoryFile());
  const remote = new FaultyFile(await plainDisk(below));
  const image = await Qcow2Image.create(file, {
    size: SIZE,
    copyOnRead: true,
    backing: { name: "base", format: "raw" },
    backingBackend: remote,
    ...options,
  });
  return { image, file, remote };
}

function reads(remote: FaultyFile): number[][] {
  return remote.requests.filter(({ kind }) => kind === "read").map(({ offset, length }) => [offset, length]);
}

describe("copy-on-read", () => {
  it("asks for whole clusters, and only once", async () => {
    const below = pattern(SIZE, 1);
    const { image, remote } = await overSlow(below);
    expect(firstDifference(await bytesAt(image, 100, 10), below.subarray(100, 110))).toBe(-1);
    expect(firstDifference(await bytesAt(image, 0, CLUSTER), below.subarray(0, CLUSTER))).toBe(-1);
    expect(reads(remote)).toEqual([[0, CLUSTER]]);
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    remote.requests.length = 0;
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    expect(reads(remote)).toEqual([]);
    await image.sync();
    await expectClean(image);
  });

  it("asks for subclusters where there are any", async () => {
    const below = pattern(SIZE, 1);
    const { image, remote } = await overSlow(below, { extendedL2: true });
    await bytesAt(image, 5000, 10);
    await bytesAt(image, 4096, 2048);
    expect(reads(remote)).toEqual([[4096, 2048]]);
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    await expectClean(image);
  });

  it("takes no place for zeroes, nor for what is behind the backing image", async () => {
    const below = new Uint8Array(10 * CLUSTER + 700);
    below.set(pattern(CLUSTER, 2), 3 * CLUSTER);
    const { image, remote } = await overSlow(below);
    const expected = new Uint8Array(SIZE);
    expected.set(below);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    expect((await image.check()).allocatedClusters).toBe(1);
    remote.requests.length = 0;
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    expect(reads(remote)).toEqual([]);
  });

  it("shares what is asked for among reads of one cluster", async () => {
    const below = pattern(SIZE, 1);
    const { image, remote } = await overSlow(below);
    const { promise, resolve } = Promise.withResolvers<void>();
    remote.waits = () => promise;
    const reading = Array.from({ length: 16 }, (_, index) => bytesAt(image, index * 4096, 4096));
    for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
    resolve();
    for (const [index, bytes] of (await Promise.all(reading)).entries()) {
      expect(firstDifference(bytes, below.subarray(index * 4096, index * 4096 + 4096))).toBe(-1);
    }
    expect(reads(remote)).toEqual([[0, CLUSTER]]);
  });

  it("never puts the old over what is written, zeroed or discarded meanwhile", async () => {
    const below = pattern(SIZE, 1);
    const { image, remote } = await overSlow(below);
    const { promise, resolve } = Promise.withResolvers<void>();
    remote.waits = () => promise;
    const reading = bytesAt(image, 0, 4 * CLUSTER);
    for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
    const changes = [
      image.write(pattern(CLUSTER, 2), 0),
      image.write(pattern(100, 3), CLUSTER + 50),
      image.writeZeroes(2 * CLUSTER, CLUSTER),
      image.discard(3 * CLUSTER, CLUSTER),
    ];
    // Elsewhere nobody waits.
    await image.write(pattern(CLUSTER, 4), 18 * CLUSTER);
    resolve();
    await Promise.all([reading, ...changes]);
    const expected = below.slice();
    expected.set(pattern(CLUSTER, 2), 0);
    expected.set(pattern(100, 3), CLUSTER + 50);
    expected.fill(0, 2 * CLUSTER, 3 * CLUSTER);
    expected.set(pattern(CLUSTER, 4), 18 * CLUSTER);
    // What is discarded reads as before or as zeroes, and stays so.
    const discarded = await bytesAt(image, 3 * CLUSTER, CLUSTER);
    if (discarded.every((byte) => byte === 0)) expected.fill(0, 3 * CLUSTER, 4 * CLUSTER);
    expect(firstDifference(await allBytes(image), expected)).toBe(-1);
    await image.sync();
    await expectClean(image);
  });

  it("that cannot be written fails no read", async () => {
    const below = pattern(SIZE, 1);
    const { image, file, remote } = await overSlow(below);
    file.fails = (kind) => kind === "write";
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    file.fails = () => false;
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    remote.requests.length = 0;
    await allBytes(image);
    expect(reads(remote)).toEqual([]);
    await image.sync();
    await expectClean(image);
  });

  it("tells what the backing image fails with, and an abort, and tries again", async () => {
    const below = pattern(SIZE, 1);
    const { image, remote } = await overSlow(below);
    remote.fails = () => true;
    await expect(bytesAt(image, 0, 10)).rejects.toSatisfy((error) => error instanceof BackendError);
    remote.fails = () => false;
    const controller = new AbortController();
    remote.waits = () => {
      controller.abort(new Error("enough"));
      return undefined;
    };
    await image.read(new Uint8Array(10), 0, { signal: controller.signal }).catch(() => undefined);
    remote.waits = () => undefined;
    expect(firstDifference(await bytesAt(image, 0, CLUSTER), below.subarray(0, CLUSTER))).toBe(-1);
    await expectClean(image);
  });

  it("does not copy the backing image into a snapshot's view of it", async () => {
    const below = pattern(SIZE, 1);
    const { image } = await overSlow(below);
    const { id } = await image.snapshots.create({ name: "one", date: new Date(0) });
    expect(firstDifference(await allBytes(image), below)).toBe(-1);
    const snapshot = await image.snapshots.open({ id });
    expect(firstDifference(await allBytes(snapshot), below)).toBe(-1);
    await snapshot.close();
    await expectClean(image);
  });

  it("needs an image that may be written to", async () => {
    const refusal = { code: "ERR_INVALID_OPTION", field: "copyOnRead" };
    await expect(Qcow2Image.open(new MemoryBackend(), { copyOnRead: true })).rejects.toMatchObject(refusal);
  });
});
