import { CacheError } from "./errors.js";
import { FlushNode } from "./flush-node.js";
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
 *
 * Nothing here can write again what a failed sync may have thrown away: whoever is told of the failure has to.
 */
export class DirectWrites extends FlushNode {
  readonly name: string;
  readonly #syncs: SyncGroup;
  #written = 0;
  #durable = 0;

  constructor(options: DirectWritesOptions) {
    super();
    this.name = options.name ?? "direct writes";
    const sync = async () => {
      const covered = this.#written;
      try {
        await options.sync();
      } catch (cause) {
        throw new CacheError("ERR_SYNC", `${this.name}: syncing failed`, { cause });
      }
      this.#durable = Math.max(this.#durable, covered);
    };
    this.#syncs = new SyncGroup(() => this.#written, sync);
  }

  /** Says that a write has resolved. Call it before `dependent.dependsOn(this)`. */
  wrote(): void {
    this.#written++;
  }

  /** Direct writes cannot be held back, so what has to come before the next of them is synced at once. */
  override async dependsOn(other: FlushNode): Promise<void> {
    if (other.pending) await this.syncFirst(other);
  }

  override get pending(): boolean {
    return this.#durable < this.#written;
  }

  /** @throws `CacheError` `ERR_SYNC` */
  override async sync(): Promise<void> {
    if (this.pending) await this.#syncs.request();
  }

  protected override get moment(): number {
    return this.#written;
  }

  protected override isDurable(moment: number): boolean {
    return moment <= this.#durable;
  }

  protected override edgeChanged(): void {}
}
