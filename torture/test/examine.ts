import { expect } from "vitest";

import { type Order, runJobs } from "../src/examiner/pool.ts";

/** The seed of CI; INSTAR_SEED replays another. */
const seed = Number(process.env["INSTAR_SEED"] ?? 1);

/** Does the first jobs of a part, and returns how much they have examined. Fails with what they find. */
export async function examine(part: string, jobs: number): Promise<Readonly<Record<string, number>>> {
  const orders: Order[] = Array.from({ length: jobs }, (_, job) => ({ part, job, seed }));
  const { tally, findings } = await runJobs(orders);
  console.log(`${part}, seed ${seed}: ${String(tally)}`);
  expect(findings).toEqual([]);
  return tally.counts;
}
