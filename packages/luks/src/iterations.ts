import { derive } from "#primitives";

import { ruleError } from "./errors.js";
import type { HashName } from "./hashes.js";

/** How many rounds of PBKDF2 a passphrase is to cost. */
export interface IterationOptions {
  /** The rounds; defaults to 1,000,000, unless `iterTime` is given. */
  readonly iterations?: number | undefined;
  /** Milliseconds that opening a slot is to take on this machine; `clock` measures it. */
  readonly iterTime?: number | undefined;
  /** Tells the time in milliseconds, such as `() => performance.now()`. */
  readonly clock?: (() => number) | undefined;
}

/** Least rounds; the limit that QEMU sets. */
const LEAST = 1000;
const DEFAULT = 1_000_000;
/** Most that node:crypto can do. */
const MOST = 0x7fff_ffff;
/** A measurement must take so many milliseconds to mean something. */
const MEASURABLE = 50;

/** @throws {@link LuksError} `ERR_INVALID_OPTION` */
export async function chooseIterations(options: IterationOptions, hash: HashName, keyBytes: number): Promise<number> {
  const { iterations, iterTime, clock } = options;
  if (iterTime === undefined) {
    const chosen = iterations ?? DEFAULT;
    if (Number.isInteger(chosen) && chosen >= LEAST && chosen <= MOST) return chosen;
    throw ruleError("ERR_INVALID_OPTION", "iterations", chosen, `an integer from ${LEAST} to ${MOST}`);
  }
  if (iterations !== undefined)
    throw ruleError("ERR_INVALID_OPTION", "iterations", iterations, "absent beside iterTime");
  if (!(iterTime > 0)) throw ruleError("ERR_INVALID_OPTION", "iterTime", iterTime, "greater than 0");
  if (clock === undefined) throw ruleError("ERR_INVALID_OPTION", "clock", "absent", "given beside iterTime");
  const perSecond = await measure(hash, keyBytes, clock);
  return Math.min(MOST, Math.max(LEAST, Math.round((perSecond * iterTime) / 1000)));
}

async function measure(hash: HashName, keyBytes: number, clock: () => number): Promise<number> {
  const secret = new Uint8Array(16);
  for (let rounds = 1 << 14; ; rounds *= 2) {
    const begin = clock();
    await derive(hash, secret, secret, rounds, keyBytes);
    const took = clock() - begin;
    if (took >= MEASURABLE || rounds >= 2 ** 30) return (rounds / Math.max(took, 1)) * 1000;
  }
}
