import { SeededChoices } from "./choices.ts";
import { loadMutant } from "./mutate.ts";
import { mutants } from "./mutants.ts";
import { playSchedule } from "./schedule.ts";

/** What became of one mutant; `undefined` rules: it survived all schedules. */
export interface Catch {
  readonly name: string;
  readonly schedules: number;
  readonly rule?: string;
  readonly detail?: string;
}

// A process of its own, because a cache with a bug can leave rejections that nobody handles.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", () => {});
Error.stackTraceLimit = 0;

const most = Number(process.argv[2]);
for (const mutant of [undefined, ...mutants]) {
  const library = await loadMutant(mutant);
  let caught: Catch = { name: mutant?.name ?? "none", schedules: most };
  for (let seed = 1; seed <= most && caught.rule === undefined; seed++) {
    const options = { library, choices: new SeededChoices(seed), more: (step: number) => step < 40 };
    const violation = await playSchedule(options);
    if (violation) caught = { ...caught, ...violation, schedules: seed };
  }
  console.log(JSON.stringify(caught));
}
process.exit(0);
