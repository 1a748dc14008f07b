import { AsyncLruCache, type Lease } from "@instar/lru-cache";

import { viewOf } from "./bytes.js";
import type { HostFile } from "./host-file.js";
import { writeOffset } from "./table-entry.js";

/** Bytes of refcount blocks to keep in memory. */
const KEEP = 4 * 1024 * 1024;

/** The block that was used last, which stays pinned. */
export interface HeldBlock {
  readonly index: number;
  readonly lease: Lease<number, Uint8Array>;
}

/**
 * The refcount blocks that an image is to have next. A block stands where it does in the present state until it gets a
 * place of its own: then it is written there, and never where the present state has it.
 */
export class NextBlocks {
  readonly #file: HostFile;
  /** Offsets of the blocks: of the present ones, until they are placed. */
  readonly #offsets: number[];
  /** Blocks that have a place in the next state. */
  readonly #placed = new Set<number>();
  /** Where they stand in the present state. */
  readonly #present = new Map<number, number>();
  /** Those of them that have been written to their place. */
  readonly #written = new Set<number>();
  readonly #cache: AsyncLruCache<number, Uint8Array>;
  #held: HeldBlock | undefined;

  /** @param offsets of the present blocks, 0 where there is none; becomes its own */
  constructor(file: HostFile, clusterSize: number, offsets: number[]) {
    this.#file = file;
    this.#offsets = offsets;
    this.#cache = new AsyncLruCache({
      name: "nextRefcounts",
      limit: Math.max(4, Math.floor(KEEP / clusterSize)),
      io: {
        load: async (index) => {
          const block = new Uint8Array(clusterSize);
          const isMoving = this.#placed.has(index) && !this.#written.has(index);
          const at = (isMoving ? this.#present.get(index) : offsets[index]) ?? 0;
          if (at !== 0) await file.read(block, at);
          return block;
        },
        store: async (index, block) => {
          await file.writeData(block.slice(), offsets[index] ?? 0);
          this.#written.add(index);
        },
      },
    });
  }

  /** Entries that the table must have. */
  get length(): number {
    return this.#offsets.length;
  }

  /** The block that was used last. */
  get held(): HeldBlock | undefined {
    return this.#held;
  }

  /** Whether a block may be changed. */
  isPlaced(index: number): boolean {
    return this.#placed.has(index);
  }

  /** Gives a block its place in the next state. Returns where it stands in the present one; 0 for nowhere. */
  place(index: number, offset: number): number {
    const present = this.#offsets[index] ?? 0;
    while (this.#offsets.length <= index) this.#offsets.push(0);
    this.#offsets[index] = offset;
    this.#placed.add(index);
    if (present !== 0) this.#present.set(index, present);
    return present;
  }

  /** Puts a block that has a place. */
  async put(index: number, block: Uint8Array): Promise<void> {
    (await this.#cache.insert(index, block, { dirty: true })).release();
  }

  /** Takes a block to work with; the one before is let go of. */
  async hold(index: number): Promise<HeldBlock> {
    if (this.#held?.index === index) return this.#held;
    this.#letGo();
    const lease = this.#cache.tryAcquire(index) ?? (await this.#cache.acquire(index));
    this.#held = { index, lease };
    return this.#held;
  }

  /** Writes all blocks that have changed, and a table that shows where all of them are. */
  async write(tableOffset: number, tableBytes: number): Promise<void> {
    this.#letGo();
    await this.#cache.flush();
    const table = new Uint8Array(tableBytes);
    const view = viewOf(table);
    for (const [index, offset] of this.#offsets.entries()) writeOffset(view, index * 8, offset);
    await this.#file.writeData(table, tableOffset);
  }

  /** Lets go of what it holds in memory. */
  end(): void {
    this.#held?.lease.release();
    this.#held = undefined;
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = undefined;
    // It may have been changed as often as it was used.
    if (held && this.#placed.has(held.index)) held.lease.markDirty();
    held?.lease.release();
  }
}
