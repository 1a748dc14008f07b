import { parseArgs } from "node:util";
import { SeededChoices } from "./choices.ts";
import { loadMutant } from "./mutate.ts";
import { playSchedule, type Violation } from "./schedule.ts";

/**
 * Plays schedules on the package's sources until one breaks a rule, the count is reached or the time is up:
 *
 *     node test/model/soak.ts [--minutes M] [--schedules N] [--seed S]
 *
 * The seeds are S, S + 1, ... With `INSTAR_SEED` it plays that one schedule and tells all that happens in it.
 */
const STEPS = 40;
const { values } = parseArgs({
  // pnpm passes on the `--` that stands between its own arguments and ours.
  args: process.argv.slice(2).filter((arg) => arg !== "--"),
  options: {
    minutes: { type: "string", default: "Infinity" },
    schedules: { type: "string", default: "Infinity" },
    seed: { type: "string" },
  },
});

// Nobody reads the stacks of a hundred thousand injected errors.
Error.stackTraceLimit = 0;
process.on("SIGINT", () => process.exit(130));
process.exitCode = await soak();

async function soak(): Promise<number> {
  const library = await loadMutant();
  const play = (seed: number, note?: (line: string) => void): Promise<Violation | undefined> => {
    const options = { library, choices: new SeededChoices(seed), more: (step: number) => step < STEPS };
    return playSchedule(note ? { ...options, note } : options);
  };
  const replayed = process.env["INSTAR_SEED"];
  if (replayed !== undefined) return told(Number(replayed), await play(Number(replayed), console.log));

  const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const most = Number(values.schedules);
  const end = performance.now() + Number(values.minutes) * 60_000;
  const begin = performance.now();
  let count = 0;
  let due = begin + 10_000;
  const progress = () => {
    const rate = Math.round((count / (performance.now() - begin)) * 1000);
    console.log(`${count} schedules from seed ${first} on, ${rate} a second`);
  };
  for (; count < most && performance.now() < end; count++) {
    const violation = await play(first + count);
    if (violation) return told(first + count, violation);
    if (performance.now() < due) continue;
    progress();
    due += 60_000;
  }
  progress();
  return 0;
}

function told(seed: number, violation: Violation | undefined): number {
  if (!violation) {
    console.log(`seed ${seed} breaks no rule`);
    return 0;
  }
  console.log(`seed ${seed} breaks "${violation.rule}": ${violation.detail}`);
  console.log(`INSTAR_SEED=${seed} pnpm --filter @instar/lru-cache test plays it again, step by step`);
  return 1;
}
