import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./command.js";

/** Spreads bytes over time, so that no more than a given number pass in a second. */
export class RateLimit {
  readonly #bytesPerMillisecond: number;
  readonly #now: () => number;
  readonly #wait: (milliseconds: number) => Promise<void>;
  /** When what has passed so far is paid for. */
  #free = 0;

  /**
   * @param bytesPerSecond at least 1
   * @param now milliseconds on a clock that never goes back
   * @param wait waits for so many milliseconds
   */
  constructor(bytesPerSecond: number, now: () => number, wait: (milliseconds: number) => Promise<void>) {
    this.#bytesPerMillisecond = bytesPerSecond / 1000;
    this.#now = now;
    this.#wait = wait;
  }

  /** Resolves when so many bytes may pass: those before them are paid for. Calls are served in their order. */
  async pass(bytes: number): Promise<void> {
    const now = this.#now();
    const begin = Math.max(now, this.#free);
    this.#free = begin + bytes / this.#bytesPerMillisecond;
    if (begin > now) await this.#wait(begin - now);
  }
}

/** A {@link RateLimit} of so many bytes in a second on the clock of the program; none for 0. */
export function rateLimit(bytesPerSecond: number, { host, signal }: Context): RateLimit | undefined {
  if (bytesPerSecond === 0) return undefined;
  const wait = async (milliseconds: number): Promise<void> => sleep(milliseconds, undefined, { signal });
  return new RateLimit(bytesPerSecond, () => host.now(), wait);
}
