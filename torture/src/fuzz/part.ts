import { type Part, Tally } from "../examiner/part.ts";
import { Finding, messageOf } from "../finding.ts";
import { type Base, row } from "../hostile/base.ts";
import { loadBase } from "../hostile/bases.ts";
import { exercise, exerciseWriting } from "../hostile/exercise.ts";
import { watchMemory } from "../hostile/memory-watch.ts";
import { drawPatches, mutantOf, type Patch } from "../hostile/mutant.ts";
import { Random } from "../random.ts";
import { branchCount, coveredOpeners, edges } from "./covered.ts";

/** Inputs of a job; fewer where clusters of 2 MiB make each of them slow. */
const INPUTS = 700;
const SLOW_INPUTS = 100;
/** Images above this size are slow. */
const SLOW_FROM = 8_000_000;
/** Patches of an input; more say nothing new. */
const MOST_PATCHES = 12;

/** Branches that have been taken in this thread, each with the magnitude of how often. */
const seen = new Uint8Array(edges.byteLength);

/** Changes images at random, and goes on from those that make the parsers do what they have not done before. */
export const fuzz: Part = {
  name: "fuzz",
  async run(job, seed) {
    const base = loadBase(job);
    const open = (await coveredOpeners())[base.format];
    const random = new Random(seed, job);
    const tally = new Tally();
    const corpus: (readonly Patch[])[] = [[]];
    seen.fill(0);
    watchMemory(Infinity);
    const inputs = base.format === "qcow2" && base.bytes.byteLength > SLOW_FROM ? SLOW_INPUTS : INPUTS;
    for (let number = 0; number < inputs; number++) {
      const patches = mutated(base, random.pick(corpus), random);
      const length = random.once(10) ? random.below(base.bytes.byteLength + 4096) : base.bytes.byteLength;
      edges.fill(0);
      try {
        await exercise(mutantOf(base, patches, length).file, open, random);
        if (base.format === "qcow2") await exerciseWriting(mutantOf(base, patches, length).file, open, random);
        watchMemory(256);
      } catch (error) {
        const { what } = mutantOf(base, patches, length);
        throw new Finding(`${base.format} ${base.title}: ${what.join(", ")}: ${messageOf(error)}`, { cause: error });
      }
      if (isNew()) corpus.push(patches);
      tally.add("fuzzed inputs", 1);
    }
    tally.add("inputs that reached something new", corpus.length - 1);
    return tally;
  },
};

/** Takes note of the branches just taken; whether any of them was not known, or not to be taken so often. */
function isNew(): boolean {
  let found = false;
  for (let edge = 0; edge < branchCount(); edge++) {
    const count = edges[edge] ?? 0;
    if (count === 0) continue;
    const magnitude = 1 << Math.min(7, Math.floor(Math.log2(count)));
    if (((seen[edge] ?? 0) & magnitude) !== 0) continue;
    seen[edge] = (seen[edge] ?? 0) | magnitude;
    found = true;
  }
  return found;
}

/** A patch more or less, of a place that has a meaning or of any bytes near one. */
function mutated(base: Base, patches: readonly Patch[], random: Random): Patch[] {
  const kept = patches.filter(() => !random.once(8)).slice(-MOST_PATCHES);
  if (random.once(2)) return [...kept, ...drawPatches(base, random)];
  const near = random.pick(base.places);
  const offset = Math.max(0, near.offset - 16 + random.below(48));
  const [place] = row("bytes", offset, 1, random.of(1, 2, 4, 8), random.once(2));
  const value = BigInt(random.below(2 ** 32)) >> BigInt(random.below(32));
  return place ? [...kept, { place, value }] : kept;
}
