import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "./faulty-file.js";
import { bytesAt, expectClean, firstDifference, memoryFile, pattern } from "./support.js";

const CLUSTER = 4096;

async function held(): Promise<{ image: Qcow2Image; file: FaultyFile }> {
  const file = new FaultyFile(memoryFile());
  const image = await Qcow2Image.create(file, { size: 10_000_000, clusterSize: CLUSTER });
  return { image, file };
}

/** Lets everything go on that can. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
}

describe("requests side by side", () => {
  it("reads and writes of other clusters do not wait for a write that hangs", async () => {
    const { image, file } = await held();
    await image.write(pattern(CLUSTER, 1), 0);
    const { promise, resolve } = Promise.withResolvers<void>();
    let hanging: number | undefined;
    file.waits = (kind, offset) => {
      if (kind !== "write" || (hanging !== undefined && hanging !== offset)) return undefined;
      hanging = offset;
      return promise;
    };
    const slow = image.write(pattern(CLUSTER, 2), 5 * CLUSTER);
    await settle();
    expect(hanging).toBeDefined();
    expect(firstDifference(await bytesAt(image, 0, CLUSTER), pattern(CLUSTER, 1))).toBe(-1);
    await image.write(pattern(CLUSTER, 3), 6 * CLUSTER);
    await image.write(pattern(CLUSTER, 4), 0);
    await image.sync();
    expect((await bytesAt(image, 5 * CLUSTER, CLUSTER)).every((byte) => byte === 0)).toBe(true);
    resolve();
    await slow;
    expect(firstDifference(await bytesAt(image, 5 * CLUSTER, CLUSTER), pattern(CLUSTER, 2))).toBe(-1);
    await expectClean(image);
  });

  it("a cluster that is let go is not used anew while a read that began before goes on", async () => {
    const { image, file } = await held();
    await image.write(pattern(CLUSTER, 1), 0);
    await image.sync();
    const { promise, resolve } = Promise.withResolvers<void>();
    file.waits = (kind) => (kind === "read" ? promise : undefined);
    const read = bytesAt(image, 0, CLUSTER);
    await settle();
    await image.discard(0, CLUSTER);
    await image.sync();
    for (let cluster = 1; cluster < 20; cluster++) await image.write(pattern(CLUSTER, 9), cluster * CLUSTER);
    await image.sync();
    resolve();
    // The read overlaps with the discard, so it may see either, but never what others have written since.
    expect(firstDifference(await read, pattern(CLUSTER, 1))).toBe(-1);
    const size = file.size;
    await image.sync();
    await image.write(pattern(CLUSTER, 10), 30 * CLUSTER);
    expect(file.size, "the cluster is used again in the end").toBe(size);
    await expectClean(image);
  });

  it("a cluster that is let go is not used anew before a sync", async () => {
    const { image, file } = await held();
    await image.write(pattern(CLUSTER, 1), 0);
    await image.sync();
    await image.discard(0, CLUSTER);
    const size = file.size;
    await image.write(pattern(CLUSTER, 2), 8 * CLUSTER);
    expect(file.size).toBe(size + CLUSTER);
  });

  it("a truncate waits for requests under way, and those that come later wait for it", async () => {
    const { image, file } = await held();
    await image.write(pattern(CLUSTER, 1), 9_000_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    file.waits = (kind) => (kind === "read" ? promise : undefined);
    const read = bytesAt(image, 9_000_000, CLUSTER);
    await settle();
    const truncate = image.truncate(1_000_000);
    await settle();
    const late = bytesAt(image, 9_000_000, CLUSTER);
    const lateToo = image.write(pattern(10, 1), 9_000_000);
    resolve();
    expect(firstDifference(await read, pattern(CLUSTER, 1))).toBe(-1);
    await truncate;
    await expect(late).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expect(lateToo).rejects.toMatchObject({ code: "ERR_RANGE" });
    await expectClean(image);
  });

  it("a write over many clusters is not passed by a stream of small ones that came later", async () => {
    const { image, file } = await held();
    const gates: (() => void)[] = [];
    file.waits = (kind, offset) => {
      // The tables that a write needs are no part of the stream.
      if (kind !== "write" || offset < 5 * CLUSTER) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      gates.push(resolve);
      return promise;
    };
    const toFreshCluster = async (offset: number): Promise<void> => {
      await image.discard(offset, CLUSTER);
      await image.write(pattern(CLUSTER, 1), offset);
    };
    const small = [toFreshCluster(0)];
    await settle();
    let rounds = 0;
    let waited = Infinity;
    const large = image.write(pattern(2 * CLUSTER, 2), 0).then(() => (waited = rounds));
    // Before one of the small ones ends the next has come: one is always under way.
    for (; rounds < 20; rounds++) {
      small.push(toFreshCluster(((rounds + 1) % 2) * CLUSTER));
      await settle();
      gates.shift()?.();
      await settle();
    }
    expect(waited, "rounds that the large write has taken").toBeLessThan(5);
    file.waits = () => undefined;
    for (const open of gates) open();
    await Promise.all([...small, large]);
    await expectClean(image);
  });

  it("writeZeroes of a cluster and a write to a part of it leave nothing old behind", async () => {
    for (let turns = 0; turns < 40; turns++) {
      const { image, file } = await held();
      await image.write(pattern(CLUSTER, 1), 0);
      await image.discard(0, CLUSTER);
      file.waits = async () => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      };
      await Promise.all([image.write(pattern(512, 2), 0), image.writeZeroes(0, CLUSTER)]);
      const rest = await bytesAt(image, 512, CLUSTER - 512);
      expect(rest.every((byte) => byte === 0)).toBe(true);
      await expectClean(image);
    }
  });
});
