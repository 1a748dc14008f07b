import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { Clock, RecordingFile } from "../engine/recording-file.js";
import { allBytes, expectClean, firstDifference, memoryFile, pattern, TINY } from "../engine/support.js";
import { Random, seed } from "../interop/random.js";

/** What an image holds: the disk, and the snapshots by their names. */
interface State {
  readonly disk: Uint8Array;
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

interface Step {
  readonly begin: number;
  readonly end: number;
  readonly before: State;
  readonly after: State;
}

const SIZE = 120_000;
const DATE = new Date(0);

/** Makes, applies and removes snapshots with writes between, each step durable when it ends. */
async function play(file: RecordingFile, clock: Clock, random: Random, clusterSize: number): Promise<Step[]> {
  const image = await Qcow2Image.create(file, { size: SIZE, clusterSize, caches: TINY });
  let state: State = { disk: new Uint8Array(SIZE), kept: new Map() };
  const steps: Step[] = [];
  for (let number = 0; number < 26; number++) {
    const begin = clock.tick();
    const before = state;
    const kept = new Map(state.kept);
    let disk = state.disk;
    const name = random.of("a", "b", "c");
    const its = kept.get(name);
    const action = random.of("write", "apply", "remove");
    if (its === undefined && action !== "write") {
      await image.snapshots.create({ name, date: DATE });
      kept.set(name, disk);
    } else if (its && action === "apply") {
      await image.snapshots.apply({ name });
      disk = its;
    } else if (action === "remove") {
      await image.snapshots.remove({ name });
      kept.delete(name);
    } else disk = await write(image, disk, number, random);
    state = { disk, kept };
    steps.push({ begin, end: clock.tick(), before, after: state });
  }
  await image.close();
  return steps;
}

async function write(image: Qcow2Image, disk: Uint8Array, tag: number, random: Random): Promise<Uint8Array> {
  const at = random.below(SIZE / 2);
  const bytes = pattern(1 + random.below(SIZE / 2), tag);
  await image.write(bytes, at);
  await image.sync();
  const after = disk.slice();
  after.set(bytes, at);
  return after;
}

/** The content of the disk and of its snapshots, as text that is equal where they are. */
async function stateOf(image: Qcow2Image): Promise<State> {
  const kept = new Map<string, Uint8Array>();
  for (const { name } of await image.snapshots.list()) {
    const disk = await image.snapshots.open({ name });
    kept.set(name, await allBytes(disk));
    await disk.close();
  }
  return { disk: await allBytes(image), kept };
}

function isSame(one: ReadonlyMap<string, Uint8Array>, other: ReadonlyMap<string, Uint8Array>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([name, bytes]) => firstDifference(bytes, other.get(name) ?? new Uint8Array(0)) === -1);
}

describe(`a power cut while snapshots change (INSTAR_SEED=${seed})`, () => {
  for (const clusterSize of [512, 4096, 65_536]) {
    it(`leaves the old or the new state, without a leak: clusters of ${clusterSize}`, { timeout: 60_000 }, async () => {
      const clock = new Clock();
      const random = new Random(seed + clusterSize);
      const file = new RecordingFile(clock, random);
      const steps = await play(file, clock, random, clusterSize);
      const changes = steps.filter(({ before, after }) => before.kept !== after.kept && before.disk === after.disk);
      expect(changes.length).toBeGreaterThan(3);
      const moments = file.moments.filter((moment) => moment > (steps[0]?.begin ?? 0));
      const stride = Math.ceil(moments.length / 250);
      const cuts = [...moments.filter((_, index) => index % stride === 0), ...file.switches];
      for (const moment of cuts) {
        const step = steps.find(({ begin, end }) => begin <= moment && moment <= end);
        if (!step) continue;
        const lost = random.of(0, 1, 2, 3);
        const pages = file.after(moment, () => lost !== 0 && (lost === 1 || random.once(lost)));
        const where = `seed ${seed}, cut at ${moment}, lost ${lost}`;
        const image = await Qcow2Image.open(memoryFile(pages), { write: true });
        const { corruptions, checkErrors, problems } = await image.check();
        expect({ corruptions, checkErrors, problems: problems.filter(({ kind }) => kind !== "leak") }, where).toEqual({
          corruptions: 0,
          checkErrors: 0,
          problems: [],
        });
        const { disk, kept } = await stateOf(image);
        const fits = [step.before, step.after].filter((state) => isSame(kept, state.kept));
        expect(fits.length, where).toBeGreaterThan(0);
        const written =
          step.before.kept.size === step.after.kept.size && firstDifference(step.before.disk, step.after.disk) !== -1;
        if (!written || fits.length === 1) {
          expect(
            fits.some((state) => firstDifference(disk, state.disk) === -1),
            where,
          ).toBe(true);
        }
        await image.close();
      }
    });
  }

  it("leaves an image in which every flag and refcount is right, however early the program is stopped", async () => {
    const clock = new Clock();
    const random = new Random(seed);
    const file = new RecordingFile(clock, random);
    const steps = await play(file, clock, random, 4096);
    // Nothing is lost that was handed over: what is there between two requests.
    for (const moment of file.moments
      .filter((at) => at > (steps[0]?.begin ?? 0))
      .filter((_, index) => index % 7 === 0)) {
      const image = await Qcow2Image.open(memoryFile(file.after(moment, () => true)));
      const { corruptions, problems } = await image.check();
      expect({ corruptions, problems: problems.filter(({ kind }) => kind !== "leak") }).toEqual({
        corruptions: 0,
        problems: [],
      });
    }
    await expectClean(await Qcow2Image.open(memoryFile(file.after(Infinity, () => true))));
  });
});
