import { BackendError } from "@instar/backend";
import { isCacheError } from "@instar/lru-cache";
import { abortable, allEnded } from "./abortable.js";
import { newBlock } from "./block.js";
import type { BlockLease, CachedBlocks } from "./cached-blocks.js";

/** Takes writes into the cached blocks. */
export class BlockWriter {
  readonly #blocks: CachedBlocks;
  readonly #grows: boolean;

  constructor(blocks: CachedBlocks) {
    this.#blocks = blocks;
    this.#grows = blocks.backend.capabilities.grow;
  }

  /** Writes as far as the blocks are cached, at once. Gives how many bytes that is. */
  writeCached(source: Uint8Array, offset: number): number {
    const { node, calls } = this.#blocks;
    if (!calls.isOpen(this.#blocks.indexOf(offset), this.#blocks.lastIndex(offset, source.byteLength))) return 0;
    for (let at = 0; at < source.byteLength;) {
      const index = this.#blocks.indexOf(offset + at);
      const lease = node.tryAcquire(index);
      if (!lease) return at;
      const piece = this.#piece(source, offset, at);
      this.#put(lease, index, piece, offset + at);
      at += piece.byteLength;
    }
    return source.byteLength;
  }

  /** Writes `source`, which is not empty, waiting for blocks and for room. */
  async write(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const blocks = this.#blocks;
    const hold = blocks.calls.enter(blocks.indexOf(offset), blocks.lastIndex(offset, source.byteLength));
    try {
      if (hold.ready) {
        await abortable(hold.ready, signal);
        this.#checkEnd(offset, source.byteLength);
      }
      const { window } = blocks;
      for (let at = 0; at < source.byteLength;) {
        signal?.throwIfAborted();
        const waits: Promise<void>[] = [];
        for (let count = 0; count < window && at < source.byteLength; count++) {
          const piece = this.#piece(source, offset, at);
          const wait = this.#writePiece(piece, offset + at, signal);
          if (wait) waits.push(wait);
          at += piece.byteLength;
        }
        if (waits.length > 0) await allEnded(waits);
      }
    } finally {
      hold.leave();
    }
  }

  /** Writes into one block. Gives what to wait for, if anything. */
  #writePiece(piece: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    const { node } = this.#blocks;
    const index = this.#blocks.indexOf(offset);
    const lease = node.tryAcquire(index);
    if (lease) return this.#put(lease, index, piece, offset);
    if (this.#isWhole(offset, piece.byteLength)) return this.#insert(index, piece, offset);
    return this.#blocks.acquire(index, signal).then((loaded) => this.#put(loaded, index, piece, offset));
  }

  /** Puts a whole block where there is none, so that nothing has to be read for it. */
  async #insert(index: number, piece: Uint8Array, offset: number): Promise<void> {
    const { node, io, blockSize } = this.#blocks;
    const bytes = io.spareBlocks.take(blockSize);
    bytes.set(piece);
    bytes.fill(0, piece.byteLength);
    for (;;) {
      const block = newBlock(bytes, piece.byteLength);
      try {
        const lease = await this.#blocks.insert(index, block);
        this.#blocks.grow(offset + piece.byteLength);
        return lease.release();
      } catch (error) {
        // Somebody was waiting for this very block and has got it first.
        if (!isCacheError(error, "ERR_PINNED")) throw error;
        const lease = node.tryAcquire(index);
        if (lease) return this.#put(lease, index, bytes.subarray(0, piece.byteLength), offset);
      }
    }
  }

  /** Copies into a block, and lets go of it. */
  #put(lease: BlockLease, index: number, piece: Uint8Array, offset: number): undefined {
    const block = lease.value;
    const from = offset % block.bytes.byteLength;
    block.bytes.set(piece, from);
    block.used = Math.max(block.used, from + piece.byteLength);
    this.#blocks.modified(lease, index);
    lease.release();
    this.#blocks.grow(offset + piece.byteLength);
  }

  /** What of the source goes into the block at `offset + at`. */
  #piece(source: Uint8Array, offset: number, at: number): Uint8Array {
    const { blockSize } = this.#blocks;
    return source.subarray(at, Math.min(source.byteLength, at + blockSize - ((offset + at) % blockSize)));
  }

  /** Whether a piece is all that its block can have. A last block that may grow is not known to be. */
  #isWhole(offset: number, length: number): boolean {
    const { blockSize, size } = this.#blocks;
    if (length === blockSize) return true;
    return !this.#grows && offset % blockSize === 0 && offset + length === size;
  }

  #checkEnd(offset: number, length: number): void {
    const { size, settings } = this.#blocks;
    if (this.#grows || offset + length <= size) return;
    const what = `write of ${length} bytes at ${offset}`;
    throw new BackendError(
      "ERR_RANGE",
      `${settings.name}: ${what} goes past the end, which a truncate has moved to ${size}`,
    );
  }
}
