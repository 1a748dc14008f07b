import { demand } from "../finding.ts";

/** Most memory that this process has had at once so far, in KiB. */
function peak(): number {
  return process.resourceUsage().maxRSS;
}

let before = peak();

/** A finding where the peak of memory has risen by more than so many MiB since the last call. */
export function watchMemory(most: number): void {
  const now = peak();
  const risen = now - before;
  before = now;
  demand(risen <= most * 1024, () => `memory rose by ${Math.round(risen / 1024)} MiB`);
}
