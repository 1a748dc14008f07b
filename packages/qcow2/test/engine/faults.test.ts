import { isBackendError, MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { allBytes, expectClean, firstDifference, memoryFile, newImage, pattern, plainDisk, TINY } from "./support.js";
import { FaultyFile } from "./faulty-file.js";

const SIZE = 200_000;
const BASE = pattern(150_000, 5);

/** A request to an image, and what it does to a plain array; a discard may leave what was there. */
interface Step {
  readonly name: string;
  readonly run: (image: Qcow2Image) => Promise<void>;
  readonly model: (bytes: Uint8Array) => Uint8Array;
}

function writeStep(offset: number, length: number, tag: number): Step {
  const bytes = pattern(length, tag);
  return {
    name: `write of ${length} at ${offset}`,
    run: (image) => image.write(bytes, offset),
    model: (model) => (model.set(bytes, offset), model),
  };
}

function compressedStep(offset: number, length: number, tag: number): Step {
  return { ...writeStep(offset, length, tag), run: (image) => image.writeCompressed(pattern(length, tag), offset) };
}

function zeroStep(offset: number, length: number): Step {
  return {
    name: `writeZeroes of ${length} at ${offset}`,
    run: (image) => image.writeZeroes(offset, length),
    model: (model) => model.fill(0, offset, offset + length),
  };
}

function resizeStep(size: number): Step {
  return {
    name: `truncate to ${size}`,
    run: (image) => image.truncate(size),
    model: (model) => {
      const resized = new Uint8Array(size);
      resized.set(model.subarray(0, size));
      return resized;
    },
  };
}

const sync: Step = { name: "sync", run: (image) => image.sync(), model: (model) => model };

const STEPS: readonly Step[] = [
  writeStep(1000, 9000, 1),
  writeStep(3000, 100, 2),
  sync,
  writeStep(100_000, 60_000, 3),
  zeroStep(101_000, 20_000),
  writeStep(101_500, 700, 4),
  compressedStep(102_400, 20_480, 7),
  sync,
  writeStep(110_000, 500, 8),
  compressedStep(4096, 8192, 9),
  sync,
  resizeStep(50_000),
  resizeStep(400_000),
  writeStep(390_000, 10_000, 6),
  sync,
];

/** Runs all steps; a step that fails is tried again. Returns what failed. */
async function runAll(image: Qcow2Image): Promise<{ model: Uint8Array; failures: unknown[] }> {
  const failures: unknown[] = [];
  let model = new Uint8Array(SIZE);
  model.set(BASE);
  for (const step of STEPS) {
    try {
      await step.run(image);
    } catch (error) {
      failures.push(error);
      await step.run(image);
    }
    model = step.model(model) as Uint8Array<ArrayBuffer>;
  }
  return { model, failures };
}

describe("when one request of the file fails", () => {
  for (const [clusterSize, refcountBits] of [
    [512, 64],
    [4096, 16],
  ] as const) {
    it(`its request fails, nothing is lost, and trying again helps (clusters of ${clusterSize})`, async () => {
      let requests = Infinity;
      let surfaced = 0;
      for (let nth = 0; nth < requests; nth += nth < 60 ? 1 : 1 + Math.floor(nth / 23)) {
        const pages = new MemoryPages();
        const file = new FaultyFile(memoryFile(pages));
        const backingBackend = await plainDisk(BASE);
        const backing = { name: "base", format: "raw" };
        const options = { size: SIZE, clusterSize, refcountBits, caches: TINY, backing, backingBackend };
        const image = await Qcow2Image.create(file, options);
        file.requests.length = 0;
        file.fails = () => file.requests.length - 1 === nth;
        const { model, failures } = await runAll(image);
        requests = file.requests.length;
        file.fails = () => false;
        const where = `request ${nth} (${JSON.stringify(file.requests[nth])})`;
        expect(failures.length, where).toBeLessThanOrEqual(1);
        for (const failure of failures) expect(isBackendError(failure, "ERR_IO"), where).toBe(true);
        surfaced += failures.length;
        expect(firstDifference(await allBytes(image), model), where).toBe(-1);
        await expectClean(image, where);
        await image.close();
        const again = await Qcow2Image.open(memoryFile(pages), { backing: await plainDisk(BASE) });
        expect(firstDifference(await allBytes(again), model), where).toBe(-1);
        await expectClean(again, where);
      }
      expect(surfaced).toBeGreaterThan(30);
    });
  }
});

describe("when the file goes on failing", () => {
  it("every sync fails until it works again, and then everything is durable", async () => {
    const pages = new MemoryPages();
    const file = new FaultyFile(memoryFile(pages));
    const image = await Qcow2Image.create(file, { size: 1_000_000 });
    await image.write(pattern(100_000, 1), 0);
    file.fails = (kind) => kind === "sync";
    await expect(image.sync()).rejects.toMatchObject({ code: "ERR_IO" });
    await expect(image.sync()).rejects.toMatchObject({ code: "ERR_IO" });
    await expect(image.close()).rejects.toMatchObject({ code: "ERR_IO" });
    file.fails = () => false;
    await image.write(pattern(10, 2), 500_000);
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages));
    const model = new Uint8Array(1_000_000);
    model.set(pattern(100_000, 1));
    model.set(pattern(10, 2), 500_000);
    expect(firstDifference(await allBytes(again), model)).toBe(-1);
    await expectClean(again);
  });

  it("a check that cannot write the tables out fails like a sync does", async () => {
    const file = new FaultyFile(memoryFile(new MemoryPages()));
    const image = await Qcow2Image.create(file, { size: 1_000_000 });
    await image.write(pattern(1000, 1), 0);
    file.fails = (kind) => kind === "write";
    await expect(image.check()).rejects.toMatchObject({ name: "BackendError", code: "ERR_IO" });
    file.fails = () => false;
    await expectClean(image);
  });

  it("a write that fails is never shown, and its clusters are used again", async () => {
    const pages = new MemoryPages();
    const file = new FaultyFile(memoryFile(pages));
    const image = await Qcow2Image.create(file, { size: 10_000_000 });
    await image.write(pattern(65_536, 1), 0);
    await image.sync();
    const before = file.size;
    file.fails = (kind, offset) => kind === "write" && offset >= before;
    for (let tries = 0; tries < 5; tries++) {
      await expect(image.write(pattern(65_536 * 3, 2), 1_000_000)).rejects.toMatchObject({ code: "ERR_IO" });
      await image.sync();
    }
    file.fails = () => false;
    expect(firstDifference(await allBytes(image), concat(pattern(65_536, 1), 10_000_000))).toBe(-1);
    await image.write(pattern(65_536 * 3, 3), 1_000_000);
    await expectClean(image);
    expect(file.size).toBeLessThanOrEqual(before + 5 * 65_536);
  });
});

describe("when the header cannot be written", () => {
  it("nothing is built upon a header that may not be the one in the file: it is written again first", async () => {
    const file = new FaultyFile(memoryFile());
    const image = await Qcow2Image.create(file, { size: 1_000_000, clusterSize: 4096 });
    await image.write(pattern(4096, 1), 0);
    file.fails = (kind, offset) => kind === "write" && offset === 0;
    await expect(image.snapshots.create({ name: "never", date: new Date(0) })).rejects.toThrow(/fails/);
    file.fails = () => false;
    file.requests.length = 0;
    await image.write(pattern(4096, 2), 4096);
    expect(file.requests.filter(({ kind }) => kind === "write")[0]?.offset).toBe(0);
    expect(await image.snapshots.list()).toEqual([]);
    await expectClean(image);
  });

  it("a resize that fails leaves the image as it was, and works when tried again", async () => {
    const { image, pages } = await newImage({ size: 100_000, clusterSize: 512 });
    await image.write(pattern(100_000, 1), 0);
    await image.close();
    for (const size of [50_000, 10_000_000]) {
      const file = new FaultyFile(memoryFile(pages));
      const opened = await Qcow2Image.open(file, { write: true });
      const before = opened.size;
      file.fails = (kind, offset) => kind === "write" && offset === 0;
      await expect(opened.truncate(size)).rejects.toMatchObject({ code: "ERR_IO" });
      expect(opened.size).toBe(before);
      await expect(opened.sync()).rejects.toMatchObject({ code: "ERR_IO" });
      file.fails = () => false;
      await opened.sync();
      expect((await Qcow2Image.open(memoryFile(pages))).size).toBe(before);
      await opened.truncate(size);
      await expectClean(opened);
      await opened.close();
      expect((await Qcow2Image.open(memoryFile(pages))).size).toBe(size);
    }
  });
});

function concat(bytes: Uint8Array, length: number): Uint8Array {
  const all = new Uint8Array(length);
  all.set(bytes);
  return all;
}
