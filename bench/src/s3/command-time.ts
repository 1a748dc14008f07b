import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as setTimeoutAsync } from "node:timers/promises";
import type { Readable } from "node:stream";
import { figure } from "../table.js";
import type { Asked, FarStore } from "./far-store.js";

/** What takes longer is ended, in seconds. */
const LIMIT = 20;
/** How long such a command is watched: whether it still asks for something, or hangs. */
const WATCHED = 2;
/** Runs of a command, as long as they take no more than so many seconds together. */
const MOST_RUNS = 9;
const ENOUGH = 8;
/** Runs that did not end by themselves, before it is given up. */
const MOST_FAILURES = 3;

const tooLong = `> ${LIMIT}`;

/** How one run of a command went: seconds, or what ended it. */
type Outcome = number | string;

/** What a command comes to. */
export interface CommandTime {
  /** For a cell of a table: the median of its runs, in seconds, and what came of those that did not end by themselves. */
  readonly cell: string;
  /** What the last run to its end asked for; `undefined` where there is none. */
  readonly asked: Asked | undefined;
}

/** Measures a command. QEMU's curl driver crashes or hangs at times: such a run makes room for another one. */
export async function timeOf(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  store: FarStore,
): Promise<CommandTime> {
  const times: number[] = [];
  let asked: Asked | undefined;
  const ended: string[] = [];
  let spent = 0;
  while (times.length < MOST_RUNS && ended.length < MOST_FAILURES && (spent < ENOUGH || times.length === 0)) {
    await store.asked();
    const outcome = await runOnce(command, env, store);
    if (outcome === tooLong) break;
    if (typeof outcome === "number") {
      asked = await store.asked();
      times.push(outcome);
      // One that hung says nothing of how long the others take.
      spent += outcome;
    } else ended.push(outcome);
  }
  const median = times.sort((a, b) => a - b)[times.length >> 1];
  const time = median === undefined ? tooLong : figure(median);
  if (ended.length === 0) return { cell: time, asked };
  const failures = `${ended.length} of ${times.length + ended.length} ${[...new Set(ended)].join(", ")}`;
  return { cell: median === undefined ? failures : `${time} (${failures})`, asked };
}

/** Runs a command once. What it says on its file 3 are its milliseconds, if it knows better than the clock outside. */
async function runOnce(
  [program = "", ...argv]: readonly string[],
  env: NodeJS.ProcessEnv,
  store: FarStore,
): Promise<Outcome> {
  const begin = performance.now();
  const stdio = ["ignore", "ignore", "inherit", "pipe"] as const;
  // Its own process group, because what a shell or nbdkit has started is to end with it.
  const child = spawn(program, argv, { stdio: [...stdio], env, detached: true });
  const told = text(child.stdio[3] as Readable);
  let late: Outcome | undefined;
  const giveUp = async (): Promise<void> => {
    await store.asked();
    await setTimeoutAsync(WATCHED * 1000);
    late = (await store.asked()).requests > 0 ? tooLong : "hangs";
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(() => void giveUp(), LIMIT * 1000);
  const code = await new Promise<number | null>((resolve, reject) => child.on("exit", resolve).on("error", reject));
  const seconds = (performance.now() - begin) / 1000;
  clearTimeout(timer);
  if (late !== undefined) return late;
  if (code === null) return `crashed: ${child.signalCode}`;
  if (code !== 0) throw new Error(`${program} ${argv.slice(0, 6).join(" ")} ... exits with ${code}`);
  const inside = Number((await told) || NaN) / 1000;
  return Number.isNaN(inside) ? seconds : inside;
}
