import type { Backend } from "@instar/backend";
import { CliError, oneLine } from "./errors.js";

/** What to send to a disk. Sizes in bytes. */
export interface BenchJob {
  readonly disk: Backend;
  readonly write: boolean;
  /** How many requests. */
  readonly count: number;
  /** How many may be under way at once. */
  readonly depth: number;
  /** Where the first one is. */
  readonly offset: number;
  /** From one to the next; past the end it goes on from the beginning. */
  readonly step: number;
  /** Length of each. */
  readonly length: number;
  /** What to write. */
  readonly pattern: number;
  /** Sync after so many requests; 0: never. */
  readonly flushInterval: number;
  /** Whether those under way are waited for before such a sync. */
  readonly drain: boolean;
  /** Whether each write is made durable. */
  readonly writeThrough: boolean;
  readonly signal: AbortSignal;
}

/**
 * Sends requests, as many side by side as allowed.
 *
 * @throws {@link CliError} for the first one that fails, when those under way have ended
 */
export async function runBench(job: BenchJob): Promise<void> {
  const { disk, count, depth, offset, flushInterval, drain, signal } = job;
  // One is enough: what is read is not looked at.
  const buffer = Buffer.alloc(job.length, job.pattern);
  let sent = 0;
  let done = 0;
  let next = offset;
  let failed = false;
  const send = async (): Promise<void> => {
    const at = next;
    next = disk.size === 0 ? 0 : (at + job.step) % disk.size;
    if (job.write) await disk.write(buffer, at, { signal });
    else await disk.read(buffer, at, { signal });
    if (job.writeThrough) await disk.sync({ signal });
    done++;
    if (!drain && flushInterval > 0 && done % flushInterval === 0) await disk.sync({ signal });
  };
  const work = async (stop: number): Promise<void> => {
    while (sent < stop && !failed) {
      sent++;
      try {
        await send();
      } catch (error) {
        failed = true;
        signal.throwIfAborted();
        throw new CliError(`Failed request: ${oneLine(error)}`, { cause: error });
      }
    }
  };
  const round = drain && flushInterval > 0 ? flushInterval : count;
  for (let begin = 0; begin < count; begin += round) {
    const stop = Math.min(count, begin + round);
    const ended = await Promise.allSettled(Array.from({ length: Math.min(depth, stop - begin) }, () => work(stop)));
    for (const worker of ended) if (worker.status === "rejected") throw worker.reason;
    if (drain && flushInterval > 0 && stop % flushInterval === 0) await disk.sync({ signal });
  }
}
