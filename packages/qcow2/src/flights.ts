import { Mutex } from "async-mutex";

/** The requests that began between two cuts. */
export interface Epoch {
  readonly number: number;
  /** How many of them have not ended. */
  running: number;
}

/**
 * The requests under way. Tells when all that had begun before a moment have ended, because until then one of them may
 * still use what has been let go since; and makes way for those who must be alone.
 */
export class Flights {
  #current: Epoch = { number: 0, running: 0 };
  /** Epochs from the oldest that has requests under way to the current one. */
  readonly #epochs: Epoch[] = [this.#current];
  readonly #alone = new Mutex();
  #barred: Promise<void> | undefined;
  #running = 0;
  #landed: (() => void) | undefined;

  /** Begins a request, unless somebody is or wants to be alone. */
  tryEnter(): Epoch | undefined {
    if (this.#barred) return undefined;
    this.#running++;
    this.#current.running++;
    return this.#current;
  }

  /** Begins a request when nobody is alone. */
  async enter(): Promise<Epoch> {
    for (;;) {
      const epoch = this.tryEnter();
      if (epoch) return epoch;
      await this.#barred;
    }
  }

  /** Ends a request. */
  leave(epoch: Epoch): void {
    epoch.running--;
    if (--this.#running === 0) this.#landed?.();
  }

  /** A mark for the requests that have begun so far. */
  cut(): number {
    this.#forgetEnded();
    const mark = this.#current.number;
    this.#current = { number: mark + 1, running: 0 };
    this.#epochs.push(this.#current);
    return mark;
  }

  /** Whether every request that had begun before the cut has ended. */
  ended(mark: number): boolean {
    this.#forgetEnded();
    return (this.#epochs[0]?.number ?? 0) > mark;
  }

  /** Runs `work` when no request is under way, and lets none begin until it has ended. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#alone.runExclusive(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#barred = promise;
      try {
        if (this.#running > 0) await new Promise<void>((landed) => (this.#landed = landed));
        return await work();
      } finally {
        this.#landed = undefined;
        this.#barred = undefined;
        resolve();
      }
    });
  }

  #forgetEnded(): void {
    while (this.#epochs[0] !== this.#current && this.#epochs[0]?.running === 0) this.#epochs.shift();
  }
}
