import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { type AmendOptions, Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "../engine/faulty-file.js";
import { Clock, RecordingFile } from "../engine/recording-file.js";
import { allBytes, expectClean, firstDifference, memoryFile, pattern, plainDisk, TINY } from "../engine/support.js";
import { Random, seed } from "../interop/random.js";

const SIZE = 60_416;
const BASE = pattern(SIZE, 9);

const CHANGES: AmendOptions[] = [
  { refcountBits: 64 },
  { lazyRefcounts: true },
  { refcountBits: 4 },
  { lazyRefcounts: false },
  { refcountBits: 16 },
  { version: 2 },
  { version: 3 },
  { version: 2, backing: { name: "other", format: "raw" } },
];

/** An image over a backing file with zero clusters, and a snapshot that has others. */
async function make(file: RecordingFile | FaultyFile, clusterSize: number): Promise<Qcow2Image> {
  const backing = { backing: { name: "base", format: "raw" }, backingBackend: await plainDisk(BASE) };
  const image = await Qcow2Image.create(file, { size: SIZE, clusterSize, ...backing, caches: TINY });
  await image.write(pattern(20_000, 1), 3000);
  await image.writeZeroes(10_000, 9000);
  await image.snapshots.create({ name: "kept", date: new Date(0) });
  await image.writeZeroes(40_000, 9000);
  await image.write(pattern(3000, 2), 12_000);
  await image.sync();
  return image;
}

async function contents(image: Qcow2Image): Promise<Uint8Array[]> {
  const snapshot = await image.snapshots.open({ name: "kept" });
  const found = [await allBytes(image), await allBytes(snapshot)];
  await snapshot.close();
  return found;
}

function saying(image: Qcow2Image): string {
  const { version, refcountBits, lazyRefcounts, backingFile } = image.info();
  return JSON.stringify([version, refcountBits, lazyRefcounts, backingFile]);
}

function expectSame(found: Uint8Array[], expected: Uint8Array[], where: string): void {
  for (const [index, bytes] of expected.entries()) {
    expect(firstDifference(found[index] ?? new Uint8Array(0), bytes), where).toBe(-1);
  }
}

describe(`a power cut while an image is amended (INSTAR_SEED=${seed})`, () => {
  for (const clusterSize of [512, 4096]) {
    it(`leaves what there was, or what comes after: clusters of ${clusterSize}`, { timeout: 60_000 }, async () => {
      const clock = new Clock();
      const random = new Random(seed + clusterSize);
      const file = new RecordingFile(clock, random);
      const image = await make(file, clusterSize);
      const expected = await contents(image);
      const steps = [{ begin: clock.tick(), says: [saying(image)] }];
      for (const change of CHANGES) {
        const before = saying(image);
        const begin = clock.tick();
        await image.amend(change);
        steps.push({ begin, says: [before, saying(image)] });
        expectSame(await contents(image), expected, JSON.stringify(change));
        await expectClean(image, JSON.stringify(change));
      }
      await image.close();
      const moments = file.moments.filter((moment) => moment > (steps[0]?.begin ?? 0));
      for (const [moment, lost] of moments.flatMap((at) => [0, 1, 2, 3].map((one) => [at, one] as const))) {
        const pages = file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost)));
        const where = `seed ${seed}, cut at ${moment}, lost ${lost}`;
        const found = await Qcow2Image.open(memoryFile(pages), { backing: await plainDisk(BASE) });
        const { corruptions, problems } = await found.check();
        expect({ corruptions, problems: problems.filter(({ kind }) => kind !== "leak") }, where).toEqual({
          corruptions: 0,
          problems: [],
        });
        // The last change is two: another name, and then another version.
        const says = [...(steps.findLast(({ begin }) => begin <= moment)?.says ?? [])];
        if (moment > (steps.at(-1)?.begin ?? 0)) says.push(JSON.stringify([3, 16, false, "other"]));
        expect(says, where).toContain(saying(found));
        expectSame(await contents(found), expected, where);
      }
      expect(moments.length).toBeGreaterThan(30);
    });
  }
});

describe("when one request of the file fails", () => {
  it("amend loses nothing, and works when it is tried again", { timeout: 60_000 }, async () => {
    let requests = Infinity;
    let surfaced = 0;
    for (let nth = 0; nth < requests; nth += nth < 150 ? 1 : 7) {
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      const image = await make(file, 4096);
      const expected = await contents(image);
      file.requests.length = 0;
      file.fails = () => file.requests.length - 1 === nth;
      for (const [index, change] of CHANGES.entries()) {
        const bytes = pattern(700, index);
        for (const step of [() => image.amend(change), () => image.write(bytes, 30_000)]) {
          try {
            await step();
          } catch (error) {
            surfaced++;
            expect(error, `request ${nth}`).toMatchObject({ code: "ERR_IO" });
            await step();
          }
        }
        expected[0]?.set(bytes, 30_000);
      }
      requests = file.requests.length;
      file.fails = () => false;
      await image.close();
      const again = await Qcow2Image.open(memoryFile(pages), { backing: await plainDisk(BASE) });
      expect(saying(again)).toBe(JSON.stringify([2, 16, false, "other"]));
      expectSame(await contents(again), expected, `request ${nth}`);
      await expectClean(again, `request ${nth}`);
    }
    expect(surfaced).toBeGreaterThan(50);
  });
});

describe(`requests while an image is amended (INSTAR_SEED=${seed})`, () => {
  it("wait, and go on with what has become of it", async () => {
    const random = new Random(seed);
    const pages = new MemoryPages();
    const image = await Qcow2Image.create(memoryFile(pages), { size: SIZE, clusterSize: 512, caches: TINY });
    await image.bitmaps.add({ name: "all", granularity: 512 });
    const disk = new Uint8Array(SIZE);
    for (let round = 0; round < 30; round++) {
      const requests: Promise<unknown>[] = [];
      // What is let go is still on its way to being released when everything is made anew.
      const gone = Math.floor(random.below(SIZE - 20_000) / 512) * 512;
      disk.fill(0, gone, gone + 10_240);
      await image.discard(gone, 10_240);
      if (random.once(2)) requests.push(image.sync());
      for (let lane = 0; lane < 6; lane++) {
        if (lane === round % 6) requests.push(image.amend({ refcountBits: random.of(1, 4, 16, 64) }));
        const at = lane * 10_000 + random.below(5000);
        const bytes = pattern(1 + random.below(5000), random.below(100));
        disk.set(bytes, at);
        requests.push(image.write(bytes, at), image.bitmaps.list());
        if (random.once(4)) requests.push(image.sync());
      }
      await Promise.all(requests);
      expect(firstDifference(await allBytes(image), disk), `seed ${seed}, round ${round}`).toBe(-1);
      await expectClean(image, `seed ${seed}, round ${round}`);
    }
    await image.close();
    const again = await Qcow2Image.open(memoryFile(pages));
    expect(firstDifference(await allBytes(again), disk)).toBe(-1);
    const dirty = Array.from({ length: SIZE / 512 }, () => false);
    for await (const range of again.bitmaps.dirty("all")) {
      if (range.dirty) dirty.fill(true, range.offset / 512, (range.offset + range.length) / 512);
    }
    expect(
      dirty.every((bit, index) => bit || disk.subarray(index * 512, (index + 1) * 512).every((byte) => byte === 0)),
    ).toBe(true);
  });
});
