import { BackendError } from "@instar/backend";

/** Longer timers than this fire at once. */
const longestTimer = 2 ** 31 - 1;

/**
 * An option that is an integer from `least` on, with its default.
 *
 * @throws {@link BackendError} `ERR_RANGE` where it is none.
 */
export function integer(name: string, value: number | undefined, byDefault: number, least: number): number {
  const found = value ?? byDefault;
  if (Number.isSafeInteger(found) && found >= least) return found;
  throw new BackendError("ERR_RANGE", `option ${name} is ${found}: it must be an integer from ${least}`);
}

/** One that is a time in milliseconds, as {@link integer} is checked. */
export function time(name: string, value: number | undefined, byDefault: number): number {
  return bounded(name, value ?? byDefault, 0, longestTimer, "milliseconds from 0 to 2^31-1");
}

/** One that lies between two bounds; `rule` says which. */
export function bounded(name: string, value: number, least: number, most: number, rule: string): number {
  if (value >= least && value <= most) return value;
  throw new BackendError("ERR_RANGE", `option ${name} is ${value}: it must be ${rule}`);
}
