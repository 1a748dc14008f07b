import { abortable } from "./abortable.js";
import type { Block } from "./block.js";
import type { CachedBlocks } from "./cached-blocks.js";

/**
 * What changes the backend past the cache: a new size, zeroes, discards.
 *
 * Each has its blocks alone: calls that use them have ended and new ones wait; stores that have begun end first, and
 * those that begin meanwhile wait. So nothing older can reach the backend behind it, and nothing it removed comes back.
 */
export class RangeChanges {
  readonly #blocks: CachedBlocks;

  constructor(blocks: CachedBlocks) {
    this.#blocks = blocks;
  }

  async truncate(size: number, signal: AbortSignal | undefined): Promise<void> {
    const { blockSize, io, backend } = this.#blocks;
    const first = this.#blocks.indexOf(Math.min(size, this.#blocks.size));
    await this.#alone(first, Infinity, signal, async () => {
      const before = this.#blocks.size;
      await this.#beforeStores(first, Infinity, async () => {
        await backend.truncate(size, { signal });
        this.#blocks.size = size;
        if (size < before) {
          io.cut(size);
          this.#cutCached(size);
        }
      });
      await this.#blocks.drop(Math.ceil(size / blockSize), Infinity);
    });
  }

  async writeZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    const { backend } = this.#blocks;
    const end = offset + length;
    const [first, last] = [this.#blocks.indexOf(offset), this.#blocks.lastIndex(offset, length)];
    await this.#alone(first, last, signal, async () => {
      // What the cache shows from here on is zero, so whatever is stored of these blocks is right.
      this.#zeroCached(offset, end);
      await this.#beforeStores(first, last, async () => {
        const there = Math.min(end, backend.size) - offset;
        try {
          if (there > 0) await backend.writeZeroes(offset, there, { signal });
        } catch (error) {
          this.#rewrite(first, last);
          throw error;
        }
      });
      // Dropped, so that they are not written as data. What the backend has not grown to yet has to be.
      const [from, to] = this.#wholeBlocks(offset, Math.min(end, backend.size));
      await this.#blocks.drop(from, to);
    });
  }

  async discard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    const { backend, node, blockSize } = this.#blocks;
    const end = offset + length;
    const [first, last] = [this.#blocks.indexOf(offset), this.#blocks.lastIndex(offset, length)];
    await this.#alone(first, last, signal, async () => {
      const [from, to] = this.#wholeBlocks(offset, end);
      await this.#beforeStores(first, last, async () => {
        // Or else what was in the backend before could show again.
        await this.#writeDirty(from, to);
        // A cached block that is discarded in part may be dirty; it is left as it is.
        const start = first < from && node.has(first) ? from * blockSize : offset;
        const stop = last > to && node.has(last) ? (to + 1) * blockSize : end;
        const there = Math.min(stop, backend.size) - start;
        try {
          if (there > 0) await backend.discard(start, there, { signal });
        } catch (error) {
          this.#rewrite(from, to);
          throw error;
        }
      });
      await this.#blocks.drop(from, to);
    });
  }

  /** Runs a change when nobody else uses the blocks, and all that has to be durable before it is. */
  async #alone(first: number, last: number, signal: AbortSignal | undefined, change: () => Promise<void>) {
    await this.#blocks.node.directly(async () => {
      const hold = this.#blocks.calls.enter(first, last, true);
      try {
        if (hold.ready) await abortable(hold.ready, signal);
        signal?.throwIfAborted();
        await change();
      } finally {
        hold.leave();
      }
    });
  }

  /** Runs a change between the stores that have begun and those that will. */
  async #beforeStores(first: number, last: number, change: () => Promise<void>): Promise<void> {
    const hold = this.#blocks.io.stores.enter(first, last, true);
    try {
      if (hold.ready) await hold.ready;
      await change();
    } finally {
      hold.leave();
    }
  }

  /** First and last of the blocks that lie wholly in a range; the last block of all ends where the size does. */
  #wholeBlocks(offset: number, end: number): [first: number, last: number] {
    const { blockSize, size } = this.#blocks;
    return [
      Math.ceil(offset / blockSize),
      end >= size ? Math.ceil(end / blockSize) - 1 : Math.floor(end / blockSize) - 1,
    ];
  }

  #zeroCached(offset: number, end: number): void {
    const { blockSize } = this.#blocks;
    this.#blocks.forResident(
      this.#blocks.indexOf(offset),
      this.#blocks.lastIndex(offset, end - offset),
      (lease, index) => {
        const start = index * blockSize;
        lease.value.bytes.fill(0, Math.max(0, offset - start), Math.min(blockSize, end - start));
      },
    );
  }

  /** Cuts cached blocks, so that those stored from now on, on their way out, store nothing beyond the end. */
  #cutCached(size: number): void {
    const { blockSize } = this.#blocks;
    this.#blocks.forResident(this.#blocks.indexOf(size), Infinity, ({ value }, index) => {
      const from = Math.max(0, size - index * blockSize);
      value.bytes.fill(0, from);
      value.used = Math.min(value.used, from);
    });
  }

  /** What the backend has of these blocks is not known any more: writes them as the cache has them, in good time. */
  #rewrite(first: number, last: number): void {
    this.#blocks.forResident(first, last, (lease, index) => this.#blocks.modified(lease, index));
  }

  async #writeDirty(first: number, last: number): Promise<void> {
    const { io, settings } = this.#blocks;
    let run: [index: number, block: Block][] = [];
    for (const entry of io.dirty.within(first, last)) {
      const previous = run.at(-1);
      if (previous && (previous[0] + 1 !== entry[0] || run.length === settings.runLength)) {
        await io.writeThrough(run);
        run = [];
      }
      run.push(entry);
    }
    if (run.length > 0) await io.writeThrough(run);
  }
}
