import { Qcow2Image, repairQcow2 } from "@instar/qcow2";

import { beat } from "../examiner/heart.ts";
import { type Part, Tally } from "../examiner/part.ts";
import { demand, Finding, messageOf } from "../finding.ts";
import type { Base } from "../hostile/base.ts";
import { baseNamed } from "../hostile/bases.ts";
import { mutantOf, type Patch } from "../hostile/mutant.ts";
import { fatesOf } from "../power-cuts/fates.ts";
import { Random } from "../random.ts";
import { CrashFile } from "../storage/crash-file.ts";
import { Log } from "../storage/log.ts";
import { PowerCut } from "../storage/power-cut.ts";
import { RecordedFile } from "../storage/recorded-file.ts";
import { Turns } from "../storage/turns.ts";

const IMAGES = [
  "v3-64k",
  "v3-512",
  "v2-512",
  "snapshot",
  "compressed-64k",
  "zero-clusters",
  "refcount-1",
  "refcount-64",
  "odd-size",
  "bitmap",
  "compressed-v2-512",
];
/** Moments of a repair at which the power is cut, roughly. */
const MOMENTS = 60;

/** Spoils refcounts, and cuts the power of the repair at every moment: the next repair completes it. */
export const repairs: Part = {
  name: "repairs",
  async run(job, seed) {
    const base = baseNamed("qcow2", `${IMAGES[job % IMAGES.length]}.qcow2`);
    const random = new Random(seed, job);
    const patches = spoiled(base, random);
    const { file, what } = mutantOf(base, patches);
    try {
      return await cutRepair(file, await contentOf(new CrashFile(base.bytes)), random);
    } catch (error) {
      throw new Finding(`repair of ${base.title}: ${what.join(", ")}: ${messageOf(error)}`, { cause: error });
    }
  },
};

/** Wrong refcounts, or blocks of them that are gone. What the guest's data is does not depend on either. */
function spoiled(base: Base, random: Random): Patch[] {
  const counts = base.places.filter(({ name }) => name.startsWith("refcounts at"));
  const blocks = base.places.filter(({ name }) => name.startsWith("refcount table entry"));
  const patches = Array.from({ length: 1 + random.below(6) }, () => {
    return { place: random.pick(counts), value: BigInt(random.of(0, 0, 1, 2, 3, 0xffff, random.below(0x1_0000))) };
  });
  return random.once(4) ? [...patches, { place: random.pick(blocks), value: 0n }] : patches;
}

async function cutRepair(spoiledFile: CrashFile, content: Uint8Array, random: Random): Promise<Tally> {
  const tally = new Tally();
  const log = new Log();
  const turns = new Turns(random);
  const file = new RecordedFile(0, log, turns, { writeZeroes: false, discard: false });
  const begin = await turns.drive(
    (async () => {
      await file.write(spoiledFile.bytes(), 0);
      await file.sync();
      const moment = log.tick();
      await expectRepaired(file);
      return moment;
    })(),
  );
  const cut = new PowerCut(log.changes, 1, false);
  const changes = log.changes.filter((change) => change.begin >= begin);
  const odds = Math.ceil((changes.length * 2) / MOMENTS);
  const moments = changes.flatMap((change) => [change.begin, change.end]).filter(() => random.once(Math.max(1, odds)));
  for (const moment of moments.toSorted((a, b) => a - b)) {
    cut.advance(moment);
    for (const { name, fate } of fatesOf(cut, random, 3)) {
      beat();
      const [left] = cut.files(fate);
      if (!left) continue;
      try {
        await expectContent(left, content);
        await expectRepaired(left);
        await expectContent(left, content);
      } catch (error) {
        throw new Finding(`power cut at ${moment}, kept: ${name}: ${messageOf(error)}`, { cause: error });
      }
      tally.add("repairs that were cut", 1);
    }
  }
  return tally;
}

async function expectRepaired(file: RecordedFile | CrashFile): Promise<void> {
  const { corruptions, leaks, checkErrors, problems } = await repairQcow2(file, "all");
  demand(corruptions + leaks + checkErrors === 0, () => problems.map(({ message }) => message).join("; "));
}

async function expectContent(file: CrashFile, content: Uint8Array): Promise<void> {
  demand(Buffer.compare(await contentOf(file), content) === 0, () => "the guest sees something else");
}

async function contentOf(file: CrashFile): Promise<Uint8Array> {
  const image = await Qcow2Image.open(file);
  const content = new Uint8Array(image.size);
  await image.read(content, 0);
  return content;
}
