/**
 * Lets syncs that are asked for at the same time share one, as a database's group commit does. They run one after the
 * other: a sync under way serves whoever asks while it covers all that has been written; the others share the next.
 */
export class SyncGroup {
  readonly #written: () => number;
  readonly #run: () => Promise<void>;
  /** The sync under way; afterwards kept until the next one, if somebody waits for that, has begun. */
  #current: Promise<void> | undefined;
  /** How much had been written when it began; -1 when it has ended. */
  #covered = -1;
  #next: Promise<void> | undefined;

  /** @param written how many writes have been completed so far. */
  constructor(written: () => number, run: () => Promise<void>) {
    this.#written = written;
    this.#run = run;
  }

  /** Resolves when a sync that covers what has been written up to this call has succeeded. */
  request(): Promise<void> {
    if (this.#current === undefined) return this.#begin();
    if (this.#covered === this.#written()) return this.#current;
    this.#next ??= this.#current.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#covered = this.#written();
    this.#current = this.#run().finally(() => {
      this.#covered = -1;
      if (this.#next === undefined) this.#current = undefined;
    });
    return this.#current;
  }
}
