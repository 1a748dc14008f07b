import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { Tally } from "./part.ts";

/** A job to be done. */
export interface Order {
  readonly part: string;
  readonly job: number;
  readonly seed: number;
}

/** What has come of a job. */
export type Outcome = { readonly counts: Readonly<Record<string, number>> } | { readonly finding: string };

/** What jobs have found, each finding with the command that finds it again. */
export interface Report {
  readonly tally: Tally;
  readonly findings: readonly string[];
}

/** How long a thread may not get on, in milliseconds of its own. */
const HANG_MS = 10_000;
const LOOK_MS = 1000;
/** After so many findings there is no use in going on. */
const ENOUGH = 10;

/** Does jobs in worker threads, one per processor, until there are no more or the time is up. */
export async function runJobs(orders: Iterable<Order>, onEnd: (order: Order) => void = () => {}): Promise<Report> {
  const left = orders[Symbol.iterator]();
  const tally = new Tally();
  const findings: string[] = [];
  const thread = async (): Promise<void> => {
    let worker = new JobThread();
    try {
      for (;;) {
        const next = findings.length < ENOUGH ? left.next() : { done: true as const, value: undefined };
        if (next.done) return;
        const outcome = await worker.run(next.value);
        if ("counts" in outcome) tally.merge(outcome.counts);
        else findings.push(`${outcome.finding}\n  again: pnpm torture -- ${replay(next.value)}`);
        onEnd(next.value);
        if (!worker.dead) continue;
        await worker.end();
        worker = new JobThread();
      }
    } finally {
      await worker.end();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, thread));
  return { tally, findings };
}

function replay({ part, job, seed }: Order): string {
  return `--only ${part} --job ${job} --seed ${seed}`;
}

/** A worker thread, watched so that a hang or a crash of it is an outcome too. */
class JobThread {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  dead = false;

  constructor() {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: this.#beats });
  }

  async run(order: Order): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const die = (finding: string): void => {
      this.dead = true;
      resolve({ finding });
    };
    const fail = (error: unknown): void => die(`the thread died: ${String(error)}`);
    const exit = (code: number): void => die(`the thread left with ${code}`);
    this.#worker.once("message", resolve);
    this.#worker.once("error", fail);
    this.#worker.once("exit", exit);
    const watch = this.#watch(() => die(`nothing got on for ${HANG_MS / 1000} s of work`));
    this.#worker.postMessage(order, []);
    try {
      return await promise;
    } finally {
      clearInterval(watch);
      this.#worker.off("message", resolve);
      this.#worker.off("error", fail);
      this.#worker.off("exit", exit);
    }
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Counts only time in which the thread was busy and the process had the processor: a busy machine is no hang. */
  #watch(hangs: () => void): NodeJS.Timeout {
    let last = -1;
    let since = this.#times();
    return setInterval(() => {
      const beats = Atomics.load(this.#beats, 0);
      const now = this.#times();
      if (beats !== last) [last, since] = [beats, now];
      else if (Math.min(now.busy - since.busy, now.cpu - since.cpu) > HANG_MS) hangs();
    }, LOOK_MS);
  }

  #times(): { readonly busy: number; readonly cpu: number } {
    const { user, system } = process.cpuUsage();
    return { busy: this.#worker.performance.eventLoopUtilization().active, cpu: (user + system) / 1000 };
  }
}
