import type { Allocator } from "./allocator.js";
import type { Flights } from "./flights.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { PendingFrees } from "./pending-frees.js";
import type { Tables } from "./tables.js";

/** Makes an image durable, and then releases the host clusters that had been let go before. */
export class Durability {
  readonly #header: LiveHeader;
  readonly #tables: Tables;
  readonly #frees: PendingFrees;
  readonly #allocator: Allocator;
  readonly #flights: Flights;
  readonly #metadata: MetadataRanges;
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(
    header: LiveHeader,
    tables: Tables,
    frees: PendingFrees,
    allocator: Allocator,
    flights: Flights,
    metadata: MetadataRanges,
  ) {
    this.#header = header;
    this.#tables = tables;
    this.#frees = frees;
    this.#allocator = allocator;
    this.#flights = flights;
    this.#metadata = metadata;
  }

  /** Makes everything durable. What is released after that need not be: until the next sync it is a leak at worst. */
  async sync(): Promise<void> {
    this.#running++;
    try {
      await this.#sync();
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /** Resolves when no sync is under way. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  async #sync(): Promise<void> {
    await this.#header.settle();
    const batch = this.#frees.take(this.#flights.cut());
    try {
      await this.#tables.sync();
    } catch (error) {
      this.#frees.putBack(batch);
      throw error;
    }
    this.#frees.madeDurable(batch);
    // Leaked clusters harm nobody; whatever else is done to a corrupt image may.
    if (!this.#metadata.isViolated) await this.#allocator.release(this.#flights);
  }

  /** Leaves nothing in memory that the file lacks, when no request is under way. */
  async writeOut(): Promise<void> {
    await this.sync();
    await this.#tables.sync();
  }
}
