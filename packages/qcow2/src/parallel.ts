/** Runs the parts of one request side by side, a bounded number at a time. */
export class Parallel {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly reason: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts a part; resolves when there is room for the next one. After a failure nothing more is started. */
  async start(part: () => Promise<void>): Promise<void> {
    if (this.#failure) return;
    const running: Promise<void> = part().then(
      () => void this.#running.delete(running),
      (reason: unknown) => {
        this.#running.delete(running);
        this.#failure ??= { reason };
      },
    );
    this.#running.add(running);
    if (this.#running.size >= this.#limit) await Promise.race(this.#running);
  }

  /** Whether a part has failed, so that starting more is pointless. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when all parts have ended, also where one has failed: no buffer is in use any more. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.reason;
  }
}
