import type { Backend } from "@instar/backend";

import { type Part, Tally } from "../examiner/part.ts";
import { Finding, messageOf } from "../finding.ts";
import { Random } from "../random.ts";
import { Log } from "../storage/log.ts";
import { RecordedFile } from "../storage/recorded-file.ts";
import { Turns } from "../storage/turns.ts";
import { examineCuts } from "./cuts.ts";
import { Guest } from "./guest.ts";
import { withScene } from "./scenes.ts";
import type { Scene } from "./scene.ts";

const STEPS = 60;
/** Cuts the power at every moment of a history, and examines what is left. */
export const powerCuts: Part = {
  name: "power-cuts",
  async run(job, seed) {
    return withScene(job, (scene) => examineScene(scene, new Random(seed, job)));
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
    const { moments = 300 } = scene;
    await examineCuts({ scene, random, tally, log, ledger: guest.ledger }, begin, { moments });
  } catch (error) {
    throw new Finding(`${scene.title}: ${messageOf(error)}`, { cause: error });
  }
  return tally;
}
