import { parseArgs } from "node:util";

import { longParts, parts } from "./examiner/parts.ts";
import { type Order, runJobs } from "./examiner/pool.ts";

/**
 * Examines for as long as one likes: `--minutes N` (1), `--seed S` (drawn), `--only PART`, and `--job N` for a single
 * job of that part, as a finding names it.
 */
const { values } = parseArgs({
  args: process.argv.slice(process.argv[2] === "--" ? 3 : 2),
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    only: { type: "string" },
    job: { type: "string" },
  },
});
const seed = wholeNumber("seed", values.seed);
const minutes = Number(values.minutes);
const chosen = values.only === undefined ? parts : [...parts, ...longParts].filter(({ name }) => name === values.only);
if (chosen.length === 0)
  refuse(
    `--only: there is no ${values.only}; there are ${[...parts, ...longParts].map(({ name }) => name).join(", ")}`,
  );
if (!(minutes > 0)) refuse(`--minutes: ${values.minutes} is no number greater than 0`);

function* orders(): Generator<Order> {
  if (values.job !== undefined) {
    yield { part: chosen[0]?.name ?? "", job: wholeNumber("job", values.job), seed };
    return;
  }
  const end = performance.now() + minutes * 60_000;
  for (let job = 0; ; job++) {
    for (const { name } of chosen) {
      if (performance.now() > end) return;
      yield { part: name, job, seed };
    }
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) refuse(`--${option}: ${text} is no whole number`);
  return number;
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

console.log(`seed ${seed}`);
const { tally, findings } = await runJobs(orders());
for (const finding of findings) console.log(`\nFINDING ${finding}`);
console.log(`\n${String(tally)}; ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
