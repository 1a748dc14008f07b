import { type Backend, SpareBuffers } from "@instar/backend";
import { DirectWrites, type EntryIo, type LoadWait } from "@instar/lru-cache";
import { type Block, storedBlock } from "./block.js";
import { DirtyBlocks } from "./dirty-blocks.js";
import { LoadQueue } from "./load-queue.js";
import type { Settings } from "./options.js";
import { RangeLocks } from "./range-locks.js";

/** Bytes on their way to the backend. */
interface Transfer {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** How many of the bytes are to be written; a truncate can cut them while they wait. */
  length: number;
}

/** What stands between the cached blocks and the backend. */
export class BlockIo implements EntryIo<number, Block> {
  /** All that was written to the backend and may not be durable yet. */
  readonly writes: DirectWrites;
  /** Stores share their blocks; who changes the backend itself has them alone, and stores wait. */
  readonly stores: RangeLocks = new RangeLocks();
  readonly dirty: DirtyBlocks = new DirtyBlocks();
  /** The memory of blocks that have left the cache. */
  readonly spareBlocks: SpareBuffers;
  /** Reads and writes asked of the backend. */
  readonly counts = { reads: 0, writes: 0 };
  readonly #backend: Backend;
  readonly #blockSize: number;
  readonly #queue: LoadQueue;
  readonly #transfers = new Set<Transfer>();
  readonly #spareRuns = new SpareBuffers(2);

  constructor(backend: Backend, settings: Settings) {
    this.#backend = backend;
    this.#blockSize = settings.blockSize;
    this.spareBlocks = new SpareBuffers(
      Math.min(settings.runLength * settings.parallel, Math.ceil(settings.limit / 4)),
    );
    this.writes = new DirectWrites({ name: `${settings.name} storage`, sync: () => backend.sync() });
    const readRun = (first: number, count: number, signal: AbortSignal) => this.#readRun(first, count, signal);
    this.#queue = new LoadQueue(readRun, settings.runLength, settings.parallel);
  }

  load(index: number, wait: LoadWait): Block | Promise<Block> {
    if (index * this.#blockSize >= this.#backend.size) {
      return storedBlock(this.spareBlocks.take(this.#blockSize).fill(0), 0);
    }
    return this.#queue.load(index, wait);
  }

  store(index: number, block: Block): Promise<void> {
    return this.storeMany([[index, block]]);
  }

  async storeMany(blocks: readonly (readonly [index: number, block: Block])[]): Promise<void> {
    const transfer = this.#capture(blocks);
    const versions = blocks.map(([, { version }]) => version);
    const hold = this.stores.enter(blocks[0]?.[0] ?? 0, blocks.at(-1)?.[0] ?? 0);
    this.#transfers.add(transfer);
    try {
      if (hold.ready) await hold.ready;
      await this.#write(transfer);
      this.writes.wrote();
      for (const [at, [index, block]] of blocks.entries()) this.dirty.stored(index, block, versions[at] ?? 0);
    } finally {
      this.#transfers.delete(transfer);
      this.#spareRuns.give(transfer.bytes);
      hold.leave();
    }
  }

  sync(): Promise<void> {
    return this.writes.sync();
  }

  /** Writes neighbouring blocks at once, on behalf of whoever has them alone. */
  async writeThrough(blocks: readonly (readonly [index: number, block: Block])[]): Promise<void> {
    const transfer = this.#capture(blocks);
    try {
      await this.#write(transfer);
    } finally {
      this.#spareRuns.give(transfer.bytes);
    }
  }

  /** Fills `target` from the backend; where the backend has not grown so far yet, with zeroes. */
  async read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const there = Math.min(Math.max(this.#backend.size - offset, 0), target.byteLength);
    if (there < target.byteLength) target.fill(0, there);
    if (there === 0) return;
    this.counts.reads++;
    await this.#backend.read(there < target.byteLength ? target.subarray(0, there) : target, offset, { signal });
  }

  /** The backend has been cut: stores that wait must not write beyond. */
  cut(size: number): void {
    for (const transfer of this.#transfers) {
      transfer.length = Math.max(0, Math.min(transfer.length, size - transfer.offset));
    }
  }

  /** Copies neighbouring blocks into one buffer, up to where the last of them that has any has bytes. */
  #capture(blocks: readonly (readonly [index: number, block: Block])[]): Transfer {
    const offset = (blocks[0]?.[0] ?? 0) * this.#blockSize;
    const last = blocks.findLastIndex(([, { used }]) => used > 0);
    const length = last < 0 ? 0 : last * this.#blockSize + (blocks[last]?.[1].used ?? 0);
    const bytes = this.#spareRuns.take(length);
    for (const [at, [, block]] of blocks.entries()) {
      if (at < last) bytes.set(block.bytes, at * this.#blockSize);
      else if (at === last) bytes.set(block.bytes.subarray(0, block.used), at * this.#blockSize);
    }
    return { offset, bytes, length };
  }

  async #write({ offset, bytes, length }: Transfer): Promise<void> {
    if (length === 0) return;
    this.counts.writes++;
    await this.#backend.write(length < bytes.byteLength ? bytes.subarray(0, length) : bytes, offset);
  }

  async #readRun(first: number, count: number, signal: AbortSignal): Promise<Block[]> {
    const size = this.#blockSize;
    const offset = first * size;
    const there = Math.min(Math.max(this.#backend.size - offset, 0), count * size);
    const used = (at: number): number => Math.min(Math.max(there - at * size, 0), size);
    if (count === 1) {
      const bytes = this.spareBlocks.take(size);
      await this.read(bytes, offset, signal);
      return [storedBlock(bytes, used(0))];
    }
    const run = this.#spareRuns.take(count * size);
    try {
      await this.read(run, offset, signal);
      // Copies, because a block must not keep the memory of the whole run.
      return Array.from({ length: count }, (_, at) => {
        const bytes = this.spareBlocks.take(size);
        bytes.set(run.subarray(at * size, (at + 1) * size));
        return storedBlock(bytes, used(at));
      });
    } finally {
      this.#spareRuns.give(run);
    }
  }
}
