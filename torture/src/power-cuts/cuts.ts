import type { Backend } from "@instar/backend";

import { beat } from "../examiner/heart.ts";
import type { Tally } from "../examiner/part.ts";
import { demand, Finding, messageOf } from "../finding.ts";
import type { Random } from "../random.ts";
import { stampSectors } from "../sectors.ts";
import type { CrashFile } from "../storage/crash-file.ts";
import type { Log } from "../storage/log.ts";
import { PowerCut } from "../storage/power-cut.ts";
import { fatesOf } from "./fates.ts";
import type { Ledger } from "./ledger.ts";
import { qemuFinds } from "./qemu.ts";
import { offsetOf, type Scene } from "./scene.ts";
import { verifySectors } from "./verify.ts";

/** A history whose cuts are examined, and where what is found is counted. */
export interface Examination<Disk extends Backend> {
  readonly scene: Scene<Disk>;
  readonly random: Random;
  readonly tally: Tally;
  readonly log: Log;
  readonly ledger: Ledger;
}

/** How thoroughly. */
export interface Thoroughness {
  /** How many moments, roughly; 50 or less also leave out syncs. */
  readonly moments: number;
  /** Fates of a cut that are drawn, beside the plain ones. */
  readonly draws?: number;
}

/** Cuts the power at moments from `begin` on, and examines what each leaves. */
export async function examineCuts<Disk extends Backend>(
  its: Examination<Disk>,
  begin: number,
  { moments, draws = 3 }: Thoroughness,
): Promise<void> {
  const { scene, random, log, ledger } = its;
  const cut = new PowerCut(log.changes, scene.files, scene.abilities.writeZeroes);
  for (const moment of momentsOf(log, begin, moments, random)) {
    cut.advance(moment);
    ledger.advance(moment);
    for (const { name, fate } of fatesOf(cut, random, draws)) {
      beat();
      try {
        await examineCut(its, cut.files(fate));
      } catch (error) {
        throw new Finding(`power cut at ${moment}, kept: ${name}: ${messageOf(error)}`, { cause: error });
      }
    }
  }
}

/** When syncs begin and end, and as many of the other moments as are wanted, in order. */
function momentsOf(log: Log, begin: number, most: number, random: Random): number[] {
  const changes = log.changes.filter((change) => change.begin >= begin && change.end < Infinity);
  const odds = Math.max(1, Math.ceil((changes.length * 2) / most));
  const moments = changes.flatMap((change) => {
    return [change.begin, change.end].filter(() => (change.kind === "sync" && most > 50) || random.once(odds));
  });
  return moments.toSorted((a, b) => a - b);
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
  if (scene.gap === 0 && !scene.growsByWrites)
    demand(ledger.size.allows(sectors), () => `size is ${sectors}, may be ${String(ledger.size)}`);
  const whole = random.once(16);
  const wanted = (sector: number): boolean => whole || ledger.isUndecided(sector);
  await verifySectors(disk, scene, ledger, wanted);
  if (whole) await scene.verify?.(disk, ledger);
  if (random.once(4)) await useOn(its, disk, wanted);
}

/** A disk that has survived is written to like any other. */
async function useOn<Disk extends Backend>(
  { scene, random, ledger, tally }: Examination<Disk>,
  disk: Disk,
  wanted: (sector: number) => boolean,
): Promise<void> {
  tally.add("written to afterwards", 1);
  if (scene.mend && random.once(2)) {
    await scene.mend(disk, random);
    await verifySectors(disk, scene, ledger, wanted);
  }
  const most = Math.min(scene.sectors, Math.floor((disk.size - scene.filler) / (512 + scene.gap / 100)));
  const written = new Set<number>();
  for (let count = 1 + random.below(4); count > 0; count--) written.add(random.below(Math.max(1, most - 1)));
  await Promise.all([...written].map((sector) => disk.write(stampSectors(sector, 1, 9), offsetOf(scene, sector))));
  await disk.sync();
  // Clusters that are counted behind the end of the file are lost when it grows: nobody looks for them there.
  await scene.examine(disk, true);
  await verifySectors(disk, scene, ledger, (sector) => wanted(sector) && !written.has(sector));
  await disk.close();
}
