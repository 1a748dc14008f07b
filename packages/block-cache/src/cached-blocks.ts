import type { Backend } from "@instar/backend";
import type { Lease } from "@instar/lru-cache";
import type { Block } from "./block.js";
import { BlockIo } from "./block-io.js";
import { BlockNode } from "./block-node.js";
import type { BlockCacheOptions, Settings } from "./options.js";
import { RangeLocks } from "./range-locks.js";

/** A pinned block. Nobody holds one over an `await`, so a pin never stands in anybody's way. */
export type BlockLease = Lease<number, Block>;

/** A backend, the blocks of it that are cached, and who is using them. */
export class CachedBlocks {
  readonly backend: Backend;
  readonly settings: Settings;
  readonly blockSize: number;
  readonly io: BlockIo;
  readonly node: BlockNode;
  /** Reads and writes that have to wait share their blocks; who changes the backend past the cache has them alone. */
  readonly calls: RangeLocks = new RangeLocks();
  /** Size in bytes as seen from above. The backend grows to it when the last blocks are written back. */
  size: number;
  /** Blocks whose memory can be used again when they are evicted. */
  readonly #reusable = new Map<number, Block>();

  constructor(backend: Backend, settings: Settings, options: BlockCacheOptions) {
    this.backend = backend;
    this.settings = settings;
    this.blockSize = settings.blockSize;
    this.size = backend.size;
    this.io = new BlockIo(backend, settings);
    this.node = new BlockNode(
      {
        name: settings.name,
        limit: settings.limit,
        io: this.io,
        neighbours: { next: (index) => index + 1, previous: (index) => (index > 0 ? index - 1 : undefined) },
        maxBatch: settings.runLength,
        maxWriteBacks: settings.parallel,
        evictionBatch: Math.max(16, Math.ceil(settings.limit / 4)),
        dropUnsynced: options.dropUnsynced ?? false,
        observer: (event) => {
          if (event.type === "evict") this.#evicted(event.key);
          options.observer?.(event);
        },
      },
      this.io.writes,
    );
    // What the backend's maker has written to it is made durable by the first sync.
    if (backend.capabilities.write) this.node.changed();
  }

  /** The block that has the byte. */
  indexOf(offset: number): number {
    return Math.floor(offset / this.blockSize);
  }

  /** The block that has the last byte of a range which is not empty. */
  lastIndex(offset: number, length: number): number {
    return Math.floor((offset + length - 1) / this.blockSize);
  }

  /** How many blocks one request may have under way: all transfers, but no more than a quarter of the cache. */
  get window(): number {
    const { runLength, parallel } = this.settings;
    return Math.max(1, Math.min(runLength * parallel, Math.floor(this.node.limit / 4)));
  }

  /** Reads of so many bytes go past the cache. */
  get directRead(): number {
    return this.settings.directRead ?? (this.node.limit * this.blockSize) / 4;
  }

  /** Pins a block, loading it where it is missing. */
  async acquire(index: number, signal: AbortSignal | undefined): Promise<BlockLease> {
    const lease = await this.node.acquire(index, { signal });
    this.#reusable.set(index, lease.value);
    return lease;
  }

  /** Puts a block that is to be written where there is none, and pins it. */
  async insert(index: number, block: Block): Promise<BlockLease> {
    const lease = await this.node.insert(index, block);
    this.#reusable.set(index, block);
    this.io.dirty.add(index, block);
    return lease;
  }

  /** Writes into a block: to be followed by no `await` before the lease is released. */
  modified(lease: BlockLease, index: number): void {
    lease.value.version++;
    this.io.dirty.add(index, lease.value);
    lease.markDirty();
  }

  /** Something was written up to `end`. */
  grow(end: number): void {
    if (end > this.size) this.size = end;
  }

  /** The cached blocks from `first` to `last`, in no particular order. */
  resident(first: number, last: number): number[] {
    if (last - first >= this.node.size) {
      return Array.from(this.node.keys()).filter((index) => index >= first && index <= last);
    }
    const found: number[] = [];
    for (let index = first; index <= last; index++) if (this.node.has(index)) found.push(index);
    return found;
  }

  /** Calls `visit` with every cached block from `first` to `last`. */
  forResident(first: number, last: number, visit: (lease: BlockLease, index: number) => void): void {
    for (const index of this.resident(first, last)) {
      const lease = this.node.tryAcquire(index);
      if (!lease) continue;
      try {
        visit(lease, index);
      } finally {
        lease.release();
      }
    }
  }

  /** Drops cached blocks without writing them, on behalf of whoever has them alone. */
  async drop(first: number, last: number): Promise<void> {
    const dropped = this.resident(first, last);
    if (dropped.length > 0) await this.node.invalidate(dropped);
    for (const index of dropped) {
      this.io.dirty.drop(index);
      this.#reusable.delete(index);
    }
  }

  /** The last who looked at an evicted block has let go of it. */
  #evicted(index: number): void {
    const block = this.#reusable.get(index);
    if (!block) return;
    this.#reusable.delete(index);
    this.io.spareBlocks.give(block.bytes);
  }
}
