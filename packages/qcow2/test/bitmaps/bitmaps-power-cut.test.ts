import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { FaultyFile } from "../engine/faulty-file.js";
import { Clock, RecordingFile } from "../engine/recording-file.js";
import { allBytes, expectClean, firstDifference, memoryFile, pattern, TINY } from "../engine/support.js";
import { Random, seed } from "../interop/random.js";
import { ourBits } from "./bitmap-support.js";

const SIZE = 100_352;
const GRANULARITY = 1024;

/** What an image holds while it is closed. */
interface State {
  readonly disk: Uint8Array;
  readonly bitmaps: ReadonlyMap<string, string>;
}

interface Session {
  readonly begin: number;
  end: number;
  readonly before: State;
  after: State;
}

/** The state of an image, with the bitmaps that can be used. */
async function stateOf(image: Qcow2Image): Promise<State> {
  const bitmaps = new Map<string, string>();
  for (const { name, inconsistent } of await image.bitmaps.list()) {
    if (!inconsistent) bitmaps.set(name, await ourBits(image, name, GRANULARITY));
  }
  return { disk: await allBytes(image), bitmaps };
}

const SESSIONS: ((image: Qcow2Image, random: Random) => Promise<unknown>)[] = [
  (image) => image.bitmaps.add({ name: "a", granularity: GRANULARITY }),
  async (image, random) => {
    const at = random.below(SIZE / 2);
    await Promise.all([image.write(pattern(9000, 1), 0), image.writeZeroes(at + 20_000, 3000)]);
    await image.sync();
    await image.write(pattern(1, 2), SIZE - 1);
  },
  (image) => image.bitmaps.add({ name: "b", granularity: GRANULARITY, disabled: true }),
  (image) => image.bitmaps.merge("a", "b"),
  (image) => image.bitmaps.clear("a"),
  // In place: nothing but the mark makes this write wait for a sync.
  async (image, random) => {
    await image.write(pattern(512, 8), 1024 * (1 + random.below(7)));
    await image.write(pattern(512, 9), 1024 * (1 + random.below(7)));
  },
  (image) => image.bitmaps.enable("b"),
  (image, random) => image.write(pattern(500, 3), random.below(SIZE - 500)),
  (image) => image.bitmaps.disable("b"),
  (image) => image.truncate(SIZE - 30_720),
  (image) => image.truncate(SIZE),
  (image) => image.snapshots.create({ name: "s", date: new Date(0) }),
  (image) => image.write(pattern(40_000, 4), 0),
  (image) => image.snapshots.apply({ name: "s" }),
  (image) => image.bitmaps.remove("a"),
  (image) => image.bitmaps.remove("b"),
];

describe(`a power cut while bitmaps record (INSTAR_SEED=${seed})`, () => {
  for (const clusterSize of [512, 4096]) {
    it(`leaves bitmaps that are right, or marked in use: clusters of ${clusterSize}`, { timeout: 60_000 }, async () => {
      const clock = new Clock();
      const random = new Random(seed + clusterSize);
      const file = new RecordingFile(clock, random);
      let image = await Qcow2Image.create(file, { size: SIZE, clusterSize, caches: TINY });
      const sessions: Session[] = [];
      let before = await stateOf(image);
      for (const session of SESSIONS) {
        const begin = clock.tick();
        await session(image, random);
        const after = await stateOf(image);
        // The file stays open: it is only synced and left.
        file.close = () => Promise.resolve();
        await image.close();
        sessions.push({ begin, end: clock.tick(), before, after });
        image = await Qcow2Image.open(file, { write: true, caches: TINY });
        expect(await stateOf(image)).toEqual(after);
        before = after;
      }
      const moments = file.moments.filter((moment) => moment > (sessions[0]?.begin ?? 0));
      let inUse = 0;
      for (const [moment, lost] of moments.flatMap((at) => [0, 2, 3].map((one) => [at, one] as const))) {
        const session = sessions.find(({ begin, end }) => begin <= moment && moment <= end);
        if (!session) continue;
        const pages = file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost)));
        const where = `seed ${seed}, cut at ${moment}, lost ${lost}`;
        const found = await Qcow2Image.open(memoryFile(pages));
        const { corruptions, problems } = await found.check();
        expect({ corruptions, problems: problems.filter(({ kind }) => kind !== "leak") }, where).toEqual({
          corruptions: 0,
          problems: [],
        });
        const { disk, bitmaps } = await stateOf(found);
        inUse += (await found.bitmaps.list()).length - bitmaps.size;
        for (const [name, bits] of bitmaps) {
          if (bits === session.after.bitmaps.get(name)) continue;
          expect(bits, `${where}: ${name}`).toBe(session.before.bitmaps.get(name));
          // A bitmap that says nothing of a change must be one that records nothing, or there is no change.
          const enabled = (await found.bitmaps.list()).find((its) => its.name === name)?.enabled;
          if (enabled) expect(firstDifference(disk, session.before.disk), `${where}: ${name}`).toBe(-1);
        }
        for (const name of session.before.bitmaps.keys()) {
          const names = (await found.bitmaps.list()).map((its) => its.name);
          if (session.after.bitmaps.has(name)) expect(names, where).toContain(name);
        }
      }
      expect(inUse).toBeGreaterThan(0);
    });
  }
});

describe("when one request of the file fails", () => {
  it("bitmaps lose nothing, and trying again helps", { timeout: 60_000 }, async () => {
    let requests = Infinity;
    let surfaced = 0;
    for (let nth = 0; nth < requests; nth += nth < 100 ? 1 : 3) {
      const pages = new MemoryPages();
      const file = new FaultyFile(memoryFile(pages));
      let image = await Qcow2Image.create(file, { size: SIZE, clusterSize: 512, caches: TINY });
      file.close = () => Promise.resolve();
      await image.bitmaps.add({ name: "a", granularity: GRANULARITY });
      await image.bitmaps.add({ name: "b", granularity: GRANULARITY, disabled: true });
      await image.close();
      image = await Qcow2Image.open(file, { write: true, caches: TINY });
      file.requests.length = 0;
      file.fails = () => file.requests.length - 1 === nth;
      for (const step of [
        () => image.write(pattern(5000, 1), 3000),
        () => image.bitmaps.merge("a", "b"),
        () => image.truncate(SIZE / 2),
        () => image.bitmaps.enable("b"),
        () => image.write(pattern(500, 2), 40_000),
        () => image.close(),
      ]) {
        try {
          await step();
        } catch (error) {
          surfaced++;
          expect(error, `request ${nth}`).toMatchObject({ code: "ERR_IO" });
          await step();
        }
      }
      requests = file.requests.length;
      file.fails = () => false;
      const again = await Qcow2Image.open(memoryFile(pages));
      await expectClean(again, `request ${nth}`);
      const expected = Array.from({ length: SIZE / 2 / GRANULARITY }, (_, index) =>
        (index >= 2 && index < 8) || index === 39 ? "1" : "0",
      ).join("");
      expect(await ourBits(again, "a", GRANULARITY), `request ${nth}`).toBe(expected);
      expect(await ourBits(again, "b", GRANULARITY), `request ${nth}`).toBe(expected);
    }
    expect(surfaced).toBeGreaterThan(20);
  });
});
