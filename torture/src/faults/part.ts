import type { Backend } from "@instar/backend";

import { beat } from "../examiner/heart.ts";
import { type Part, Tally } from "../examiner/part.ts";
import { Finding, messageOf } from "../finding.ts";
import { examineCuts } from "../power-cuts/cuts.ts";
import { Guest } from "../power-cuts/guest.ts";
import type { Scene } from "../power-cuts/scene.ts";
import { sceneCount, withScene } from "../power-cuts/scenes.ts";
import { Random } from "../random.ts";
import { CrashFile } from "../storage/crash-file.ts";
import { Log } from "../storage/log.ts";
import { Outage, type OutageKind } from "../storage/outage.ts";
import { RecordedFile } from "../storage/recorded-file.ts";
import { Turns } from "../storage/turns.ts";

const KINDS: readonly OutageKind[] = ["I/O error", "no space", "abort", "burst", "sync"];
const STEPS = 18;

/** Makes every request of a history fail once, in a run of its own. */
export const faults: Part = {
  name: "faults",
  async run(job, seed) {
    // A scene has another kind each time, and neighbours have different ones.
    const kind = KINDS[(job + Math.floor(job / sceneCount)) % KINDS.length] ?? "I/O error";
    return withScene(job, (scene) => eachRequest(scene, kind, [seed, job]));
  },
};

async function eachRequest<Disk extends Backend>(
  scene: Scene<Disk>,
  kind: OutageKind,
  seeds: readonly number[],
): Promise<Tally> {
  const tally = new Tally();
  const { calls } = await runWith(new Outage(kind, Infinity, new Random()), scene, seeds, tally);
  for (let nth = 0; nth < calls; nth++) {
    beat();
    try {
      const { surfaced } = await runWith(new Outage(kind, nth, new Random(...seeds, nth)), scene, seeds, tally);
      tally.add("runs with a fault", 1);
      if (surfaced > 0) tally.add("faults that surfaced", 1);
    } catch (error) {
      throw new Finding(`${scene.title}: ${kind} at request ${nth}: ${messageOf(error)}`, { cause: error });
    }
  }
  return tally;
}

/** One history with an outage: it goes on, and in the end all is as if there had been none. */
async function runWith<Disk extends Backend>(
  outage: Outage,
  scene: Scene<Disk>,
  seeds: readonly number[],
  tally: Tally,
): Promise<Outage> {
  const random = new Random(...seeds);
  const log = new Log();
  const turns = new Turns(random);
  const made = (_: unknown, file: number): RecordedFile =>
    new RecordedFile(file, log, turns, scene.abilities, { outage });
  const files = Array.from({ length: scene.files }, made);
  let begin = 0;
  const use = async (): Promise<Guest<Disk>> => {
    const guest = new Guest(await scene.create(files, random), scene, random, log, outage);
    await guest.sync();
    begin = log.tick();
    outage.enabled = true;
    await guest.run(STEPS);
    await guest.readAll();
    await guest.sync();
    outage.enabled = false;
    await guest.attempt(() => scene.examine(guest.disk, false));
    await guest.readAll();
    await guest.disk.close();
    return guest;
  };
  const guest = await turns.drive(use());
  const again = await scene.reopen(files.map(({ bytes }) => new CrashFile(bytes, scene.abilities.writeZeroes)));
  await scene.examine(again, false);
  await guest.readAll(again);
  await again.close();
  await examineCuts({ scene, random, tally, log, ledger: guest.ledger }, begin, { moments: 2, draws: 1 });
  return outage;
}
