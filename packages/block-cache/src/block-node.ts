import { AsyncLruCache, type CacheOptions, type DirectWrites } from "@instar/lru-cache";
import type { Block } from "./block.js";

/**
 * The cached blocks as a node of the order of writes. What changes the backend past the blocks (zeroes, discards, a
 * new size) is as much a write of this node as a store is: it waits for the dependencies, and dependents wait for it.
 */
export class BlockNode extends AsyncLruCache<number, Block> {
  readonly #writes: DirectWrites;
  #changes = 0;
  #durableMoment = 0;

  /** @param writes is told of the stores by `options.io`, and asked for the syncs. */
  constructor(options: CacheOptions<number, Block>, writes: DirectWrites) {
    super(options);
    this.#writes = writes;
  }

  /** The backend may have been changed past the blocks. */
  changed(): void {
    this.#changes++;
    this.#writes.wrote();
  }

  /** Runs what changes the backend past the blocks, when all that this node depends on is durable. */
  async directly(change: () => Promise<void>): Promise<void> {
    await this.afterDependencies(async () => {
      try {
        await change();
      } finally {
        this.changed();
      }
    });
  }

  override get pending(): boolean {
    return super.pending || this.#writes.pending;
  }

  override async sync(): Promise<void> {
    const { moment } = this;
    await super.sync();
    await this.#writes.sync();
    this.#durableMoment = Math.max(this.#durableMoment, moment);
  }

  protected override get moment(): number {
    return super.moment + this.#changes;
  }

  protected override isDurable(moment: number): boolean {
    return moment <= this.#durableMoment || !this.pending;
  }
}
