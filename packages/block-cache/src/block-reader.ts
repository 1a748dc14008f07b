import { BackendError } from "@instar/backend";
import { abortable, allEnded } from "./abortable.js";
import type { BlockLease, CachedBlocks } from "./cached-blocks.js";

/** Answers reads from the cached blocks. */
export class BlockReader {
  /** Reads past the cache. */
  direct = 0;
  readonly #blocks: CachedBlocks;

  constructor(blocks: CachedBlocks) {
    this.#blocks = blocks;
  }

  /** Fills `target` as far as the blocks are cached, at once. Gives how many bytes that is. */
  readCached(target: Uint8Array, offset: number): number {
    const { node, calls } = this.#blocks;
    if (!calls.isOpen(this.#blocks.indexOf(offset), this.#blocks.lastIndex(offset, target.byteLength))) return 0;
    for (let at = 0; at < target.byteLength;) {
      const lease = node.tryAcquire(this.#blocks.indexOf(offset + at));
      if (!lease) return at;
      at += this.#copy(lease, target, offset, at);
    }
    return target.byteLength;
  }

  /** Fills `target`, which is not empty, waiting for what is not cached. */
  async read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const blocks = this.#blocks;
    const length = target.byteLength;
    const hold = blocks.calls.enter(blocks.indexOf(offset), blocks.lastIndex(offset, length));
    try {
      if (hold.ready) {
        await abortable(hold.ready, signal);
        this.#checkEnd(offset, length);
      }
      if (length >= blocks.directRead) await this.#readDirect(target, offset, signal);
      else await this.#readBlocks(target, offset, signal);
    } finally {
      hold.leave();
    }
  }

  async #readBlocks(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { node, window } = this.#blocks;
    for (let at = 0; at < target.byteLength;) {
      const loads: Promise<void>[] = [];
      for (let count = 0; count < window && at < target.byteLength; count++) {
        const index = this.#blocks.indexOf(offset + at);
        const lease = node.tryAcquire(index);
        if (lease) {
          at += this.#copy(lease, target, offset, at);
          continue;
        }
        const from = at;
        const loaded = this.#blocks.acquire(index, signal);
        loads.push(loaded.then((block) => void this.#copy(block, target, offset, from)));
        at = this.#nextBlock(offset, at, target.byteLength);
      }
      if (loads.length > 0) await allEnded(loads);
    }
  }

  /** Reads what is not cached right into the target, parts of blocks at its ends included. */
  async #readDirect(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { node, io } = this.#blocks;
    const length = target.byteLength;
    for (let at = 0; at < length;) {
      const lease = node.tryAcquire(this.#blocks.indexOf(offset + at));
      if (lease) {
        at += this.#copy(lease, target, offset, at);
        continue;
      }
      let end = this.#nextBlock(offset, at, length);
      while (end < length && !node.has(this.#blocks.indexOf(offset + end))) end = this.#nextBlock(offset, end, length);
      this.direct++;
      await io.read(target.subarray(at, end), offset + at, signal);
      at = end;
    }
  }

  /** Copies what the target wants of a block, lets go of the block, and gives the number of bytes. */
  #copy(lease: BlockLease, target: Uint8Array, offset: number, at: number): number {
    const { bytes } = lease.value;
    const from = (offset + at) % bytes.byteLength;
    const count = Math.min(bytes.byteLength - from, target.byteLength - at);
    target.set(count === bytes.byteLength ? bytes : bytes.subarray(from, from + count), at);
    lease.release();
    return count;
  }

  /** Where in the target the next block begins. */
  #nextBlock(offset: number, at: number, length: number): number {
    const { blockSize } = this.#blocks;
    return Math.min(length, at + blockSize - ((offset + at) % blockSize));
  }

  #checkEnd(offset: number, length: number): void {
    const { size, settings } = this.#blocks;
    if (offset + length <= size) return;
    const what = `read of ${length} bytes at ${offset}`;
    throw new BackendError(
      "ERR_RANGE",
      `${settings.name}: ${what} goes past the end, which a truncate has moved to ${size}`,
    );
  }
}
