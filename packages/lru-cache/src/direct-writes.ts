import { FlushNode } from "./flush-node.js";
import { CacheError } from "./errors.js";
import { SyncGroup } from "./sync-group.js";

/** Options of {@link DirectWrites}. */
export interface DirectWritesOptions {
  /** For errors and events. Defaults to `direct writes`. */
  readonly name?: string;
  /** Resolves when every write that has resolved is durable. */
  readonly sync: () => void | PromiseLike<void>;
}

/**
 * Writes that reach storage past every cache, as a node that caches can depend on: guest data before the table that
 * shows it, the zeroes of a new table before the pointer to it.
 */
export class DirectWrites extends FlushNode {
  readonly name: string;
  readonly #syncs: SyncGroup;
  #written = 0;
  #durable = 0;

  constructor(options: DirectWritesOptions) {
    super();
    this.name = options.name ?? "direct writes";
    this.#syncs = new SyncGroup(async () => {
      const covered = this.#written;
      try {
        await options.sync();
      } catch (cause) {
        throw new CacheError("ERR_SYNC", `${this.name}: syncing failed`, { cause });
      }
      this.#durable = Math.max(this.#durable, covered);
    });
  }

  /** Says that a write has resolved. Call it before `dependent.dependsOn(this)`. */
  wrote(): void {
    this.#written++;
  }

  get pending(): boolean {
    return this.#durable < this.#written;
  }

  async sync(): Promise<void> {
    if (this.pending) await this.#syncs.request();
  }

  protected get moment(): number {
    return this.#written;
  }

  protected isDurable(moment: number): boolean {
    return moment <= this.#durable;
  }

  protected edgeChanged(): void {}
}
