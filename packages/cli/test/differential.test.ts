import { existsSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CommandLines, type Step } from "./command-lines.js";
import { SEED } from "./disks.js";
import { HAS_QEMU, instar, NEEDS_QEMU, type Outcome, program, scratch } from "./harness.js";

const at = scratch();
/** How many command lines; a longer run is a matter of minutes. */
const STEPS = Number(process.env["INSTAR_STEPS"] ?? 150);
const SHARES = 3;

/** Both sides of the comparison. */
const SIDES = ["ours", "theirs"] as const;

/** What depends on the moment, the machine, or where in its file an image keeps what it has, is taken out. */
function normalized(step: Step, { code, out }: Outcome, directory: string): unknown {
  const text = out.replaceAll(`${directory}/`, "");
  if (code !== 0 && step.compares !== "text") return { code };
  switch (step.compares) {
    case "code":
      return { code };
    case "text":
      return { code, text: timeless(text) };
    case "json":
      return { code, json: steady(JSON.parse(text)) };
    case "map":
      return { code, runs: runsOf(JSON.parse(text)) };
  }
}

function timeless(text: string): string {
  return text
    .replace(/^disk size: .*$/gm, "disk size: SIZE")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")
    .replace(/(TIME \d\d:\d\d:\d\d\.\d{3}) +0?$/gm, "$1")
    .replace(/\d+\.\d+ sec \(.*\/sec and .* ops\/sec\)/g, "TIME");
}

const UNSTEADY = new Set(["actual-size", "date-sec", "date-nsec", "icount"]);

/** JSON without the fields that differ for good reason. */
function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !UNSTEADY.has(key));
  return Object.fromEntries(entries.map(([key, field]) => [key, steady(field)]));
}

interface MapRun {
  readonly start: number;
  readonly length: number;
  readonly data: boolean;
}

/** What holds data, neighbours joined: zeroes may be recorded by one and absent by the other. */
function runsOf(map: readonly MapRun[]): [start: number, end: number][] {
  const runs: [number, number][] = [];
  for (const { start, length, data } of map) {
    if (!data) continue;
    const last = runs.at(-1);
    if (last?.[1] === start) last[1] = start + length;
    else runs.push([start, start + length]);
  }
  return runs;
}

async function run(side: (typeof SIDES)[number], step: Step, directory: string): Promise<Outcome> {
  const argv = step.argv.map((word) => word.replaceAll("DIR", directory));
  if (side === "theirs")
    return program(step.argv[0] === "io" ? "qemu-io" : "qemu-img", step.argv[0] === "io" ? argv.slice(1) : argv);
  return instar(argv);
}

/** QEMU 7.2 itself hangs in some command lines (`amend` of the refcount width), so CI plays seeds that come to an end. */
const FIRST_SEED = process.env["INSTAR_SEED"] === undefined ? 1_624_283_024 : SEED;

describe.skipIf(!HAS_QEMU)(`generated command lines ${NEEDS_QEMU}`, () => {
  it.each(Array.from({ length: SHARES }, (_, share) => FIRST_SEED + share))(
    "do the same here and in QEMU (INSTAR_SEED=%d)",
    { timeout: 600_000 },
    async (seed) => {
      for (const side of SIDES) mkdirSync(at(`${seed}`, side), { recursive: true });
      const lines = new CommandLines(seed);
      const done: string[] = [];
      for (let count = 0; count < STEPS / SHARES; count++) {
        const step = lines.next();
        done.push(step.argv.map((word) => JSON.stringify(word)).join(" "));
        const results: unknown[] = [];
        const said: string[] = [];
        for (const side of SIDES) {
          const outcome = await run(side, step, at(`${seed}`, side));
          said.push(`${outcome.out}${outcome.err}`);
          results.push(normalized(step, outcome, at(`${seed}`, side)));
          if (side === "theirs" && outcome.code === 0) lines.succeeded(step);
        }
        const story = `${done.join("\n")}\n--- ours: ${said[0]}\n--- theirs: ${said[1]}`;
        expect(results[0], story).toEqual(results[1]);
        for (const name of step.changes) await compareImages(name, seed, story);
      }
    },
  );
});

/** Fails unless both have the image, it shows the same, and QEMU finds nothing wrong with ours. */
async function compareImages(name: string, seed: number, story: string): Promise<void> {
  const [ours, theirs] = SIDES.map((side) => at(`${seed}`, side, name));
  if (ours === undefined || theirs === undefined) return;
  expect([name, existsSync(ours)], story).toEqual([name, existsSync(theirs)]);
  if (!existsSync(ours)) return;
  const formats = name.endsWith(".raw") ? ["-f", "raw", "-F", "raw"] : ["-f", "qcow2", "-F", "qcow2"];
  const { code, out } = await program("qemu-img", ["compare", ...formats, ours, theirs]);
  expect([name, code, out], story).toEqual([name, 0, "Images are identical.\n"]);
  if (name.endsWith(".qcow2")) {
    expect([name, (await program("qemu-img", ["check", "-q", ours])).code], story).toEqual([name, 0]);
  }
}
