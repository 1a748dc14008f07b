import type { Backend } from "@instar/backend";

import { beat } from "../examiner/heart.ts";
import { type Part, Tally } from "../examiner/part.ts";
import { demand, Finding } from "../finding.ts";
import { Random } from "../random.ts";
import { stampSectors } from "../sectors.ts";
import type { CrashFile } from "../storage/crash-file.ts";
import { Log } from "../storage/log.ts";
import { PowerCut } from "../storage/power-cut.ts";
import { RecordedFile } from "../storage/recorded-file.ts";
import { Turns } from "../storage/turns.ts";
import { fatesOf } from "./fates.ts";
import { Guest } from "./guest.ts";
import type { Ledger } from "./ledger.ts";
import { qemuFinds } from "./qemu.ts";
import { qcow2Scenes } from "./qcow2-scenes.ts";
import { cacheScenes } from "./cache-scenes.ts";
import { offsetOf, type Scene } from "./scene.ts";
import { verifySectors } from "./verify.ts";

const STEPS = 60;
/** Fates of a cut that are drawn, beside the plain ones. */
const DRAWS = 3;

const examinations: readonly ((random: Random) => Promise<Tally>)[] = [
  ...qcow2Scenes.map((scene) => (random: Random) => examineScene(scene, random)),
  ...cacheScenes.map((scene) => (random: Random) => examineScene(scene, random)),
];

/** Cuts the power at every moment of a history, and examines what is left. */
export const powerCuts: Part = {
  name: "power-cuts",
  async run(job, seed) {
    const examination = examinations[job % examinations.length];
    if (!examination) throw new Error("there are no scenes");
    return examination(new Random(seed, job));
  },
};

/** Runs a guest over a disk of this kind, and examines every cut of it. */
async function examineScene<Disk extends Backend>(scene: Scene<Disk>, random: Random): Promise<Tally> {
  const log = new Log();
  const turns = new Turns(random);
  const files = Array.from({ length: scene.files }, (_, file) => new RecordedFile(file, log, turns, scene.abilities));
  const tally = new Tally();
  let begin = 0;
  try {
    const guest = await turns.drive(
      (async () => {
        const disk = await scene.create(files, random);
        const user = new Guest(disk, scene, random, log);
        await user.sync();
        begin = log.tick();
        await user.run(STEPS);
        return user;
      })(),
    );
    tally.add("histories", 1);
    await examineCuts({ scene, random, tally, log, ledger: guest.ledger }, begin);
  } catch (error) {
    throw new Finding(`${scene.title}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return tally;
}

interface Examination<Disk extends Backend> {
  readonly scene: Scene<Disk>;
  readonly random: Random;
  readonly tally: Tally;
  readonly log: Log;
  readonly ledger: Ledger;
}

async function examineCuts<Disk extends Backend>(its: Examination<Disk>, begin: number): Promise<void> {
  const { scene, random, log, ledger } = its;
  const cut = new PowerCut(log.changes, scene.files, scene.abilities.writeZeroes);
  const times = log.changes.flatMap((change) => [change.begin, change.end]);
  for (const moment of times.filter((time) => time >= begin && time < Infinity).toSorted((a, b) => a - b)) {
    cut.advance(moment);
    ledger.advance(moment);
    for (const { name, fate } of fatesOf(cut, random, DRAWS)) {
      beat();
      try {
        await examineCut(its, cut.files(fate));
      } catch (error) {
        throw new Finding(`power cut at ${moment}, kept: ${name}: ${String(error)}`, { cause: error });
      }
    }
  }
}

async function examineCut<Disk extends Backend>(its: Examination<Disk>, files: CrashFile[]): Promise<void> {
  const { scene, random, tally, ledger } = its;
  tally.add("crash images", 1);
  if (scene.forQemu !== undefined && random.once(1000)) {
    const file = files[scene.forQemu];
    const found = file && qemuFinds(file.bytes());
    if (found !== undefined) tally.add("checked by QEMU", 1);
    demand(!found, () => `qemu-img check: ${found}`);
  }
  const disk = await scene.reopen(files);
  await scene.examine(disk, true);
  const sectors = (disk.size - scene.filler) / 512;
  if (scene.gap === 0) demand(ledger.size.allows(sectors), () => `size is ${sectors}, may be ${String(ledger.size)}`);
  const whole = random.once(16);
  const wanted = (sector: number): boolean => whole || ledger.isUndecided(sector);
  await verifySectors(disk, scene, ledger, wanted);
  if (random.once(4)) await useOn(its, disk, wanted);
}

/** A disk that has survived is written to like any other. */
async function useOn<Disk extends Backend>(
  { scene, random, ledger, tally }: Examination<Disk>,
  disk: Disk,
  wanted: (sector: number) => boolean,
): Promise<void> {
  tally.add("written to afterwards", 1);
  const most = Math.min(scene.sectors, Math.floor((disk.size - scene.filler) / (512 + scene.gap / 100)));
  const written = new Set<number>();
  for (let count = 1 + random.below(4); count > 0; count--) written.add(random.below(Math.max(1, most - 1)));
  await Promise.all([...written].map((sector) => disk.write(stampSectors(sector, 1, 9), offsetOf(scene, sector))));
  await disk.sync();
  await scene.examine(disk, true);
  await verifySectors(disk, scene, ledger, (sector) => wanted(sector) && !written.has(sector));
  await disk.close();
}
