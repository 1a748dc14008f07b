import { type Part, Tally } from "../examiner/part.ts";
import { Finding, messageOf } from "../finding.ts";
import { Random } from "../random.ts";
import type { Base } from "./base.ts";
import { baseCount, loadBase } from "./bases.ts";
import { exercise, exerciseWriting } from "./exercise.ts";
import { openers } from "./formats.ts";
import { watchMemory } from "./memory-watch.ts";
import { drawPatches, type Mutant, mutantOf, singlePatch } from "./mutant.ts";

/** Mutants of one image in a job. */
const MUTANTS = 400;
/** Images up to this size are cut off at every sector. */
const CUT_UP_TO = 800_000;

/** Hurts sound images in every way that their structure suggests, and does everything with them. */
export const hostileImages: Part = {
  name: "hostile",
  async run(job, seed) {
    const base = loadBase(job);
    const random = new Random(seed, job);
    const tally = new Tally();
    const round = Math.floor(job / baseCount);
    watchMemory(Infinity);
    for (let number = 0; number < MUTANTS; number++) {
      const make = makerOf(base, random, round * MUTANTS + number);
      const { what } = make();
      try {
        await exercise(make().file, openers[base.format], random);
        if (base.format === "qcow2") await exerciseWriting(make().file, openers.qcow2, random);
        watchMemory(256);
      } catch (error) {
        throw new Finding(`${base.format} ${base.title}: ${what.join(", ")}: ${messageOf(error)}`, { cause: error });
      }
      tally.add(`mutants of ${base.format}`, 1);
    }
    return tally;
  },
};

/** A way to make the mutant of a number, twice alike: three kinds take turns. */
function makerOf(base: Base, random: Random, number: number): () => Mutant {
  if (number % 4 === 0) {
    const patch = singlePatch(base, number / 4);
    if (patch) return () => mutantOf(base, [patch]);
  }
  const cut = Math.floor(number / 4) * 512;
  if (number % 4 === 1 && base.bytes.byteLength <= CUT_UP_TO && cut < base.bytes.byteLength) {
    return () => mutantOf(base, [], cut);
  }
  const patches = drawPatches(base, random);
  const length = random.once(8) ? random.below(base.bytes.byteLength + 4096) : base.bytes.byteLength;
  return () => mutantOf(base, patches, length);
}
