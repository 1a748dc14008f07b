/**
 * Lets writes run side by side, and a truncate only while none runs: were both under way at once, nobody could tell
 * which of them decided the size.
 */
export class TruncateGate {
  #writes = 0;
  #truncate: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** Runs a write, after the truncates that came before it. */
  async write(run: () => Promise<void>): Promise<void> {
    while (this.#truncate) await this.#truncate;
    this.#writes++;
    try {
      await run();
    } finally {
      if (--this.#writes === 0) this.#drained?.();
    }
  }

  /** Runs a truncate, after the writes and truncates that came before it. */
  async truncate(run: () => Promise<void>): Promise<void> {
    const turn = this.#alone(this.#truncate, run);
    const over = turn.catch(() => undefined);
    this.#truncate = over;
    try {
      await turn;
    } finally {
      if (this.#truncate === over) this.#truncate = undefined;
    }
  }

  async #alone(earlier: Promise<void> | undefined, run: () => Promise<void>): Promise<void> {
    await earlier;
    if (this.#writes > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    await run();
  }
}
