import type { Backend } from "@instar/backend";
import { BLOCK } from "./protocol.js";

const MAX_RUNS = 4096;
const STATE = { data: 0, zero: BLOCK.zero, hole: BLOCK.hole | BLOCK.zero } as const;

/** The states of blocks from `offset` on, as pairs of length and state: at least one, and not always all of the range. */
export async function blockStates(
  backend: Backend,
  offset: number,
  length: number,
  one: boolean,
): Promise<[number, number][]> {
  const runs: [number, number][] = [];
  for await (const extent of backend.extents(offset, length)) {
    const state = STATE[extent.kind];
    const last = runs.at(-1);
    if (last?.[1] === state) last[0] += extent.length;
    else if (runs.length === (one ? 1 : MAX_RUNS)) break;
    else runs.push([extent.length, state]);
  }
  return runs;
}
