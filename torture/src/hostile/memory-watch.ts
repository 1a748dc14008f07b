import { demand } from "../finding.ts";

const LIMIT_KIB = 256 * 1024;

/** Most memory that this process has had at once so far, in KiB. */
function peak(): number {
  return process.resourceUsage().maxRSS;
}

let before = peak();

/** A finding where the peak of memory has risen by more than is allowed since the last call. */
export function watchMemory(): void {
  const now = peak();
  const risen = now - before;
  before = now;
  demand(risen <= LIMIT_KIB, () => `memory rose by ${Math.round(risen / 1024)} MiB`);
}
