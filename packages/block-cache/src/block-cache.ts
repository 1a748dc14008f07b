import { type Backend, BaseBackend, type Capabilities, type Extent } from "@instar/backend";
import type { CacheCounters, FlushNode } from "@instar/lru-cache";
import { abortable } from "./abortable.js";
import { BlockReader } from "./block-reader.js";
import { BlockWriter } from "./block-writer.js";
import { CachedBlocks } from "./cached-blocks.js";
import { failure } from "./failure.js";
import { mergedExtents, type Span } from "./merged-extents.js";
import { type BlockCacheOptions, limitOf, settingsOf } from "./options.js";
import { RangeChanges } from "./range-changes.js";
import { ReadAhead } from "./read-ahead.js";

/** What has happened in a {@link BlockCache} since it was made: `CacheCounters` count blocks. */
export interface BlockCacheCounters extends CacheCounters {
  /** Reads asked of the backend. */
  readonly backendReads: number;
  /** Of these, reads right into a caller's buffer. */
  readonly directReads: number;
  /** Blocks loaded in advance. */
  readonly readAheads: number;
  /** Writes asked of the backend. */
  readonly backendWrites: number;
}

const DONE: Promise<void> = Promise.resolve();

/**
 * Any backend, cached in blocks: reads of cached blocks wait for nothing, writes stay in the cache until room is needed
 * or `sync`, and what lies side by side is read and written as one.
 *
 * It owns the backend: whoever goes past the cache reads old bytes and may see writes undone. `close` writes back and
 * closes the backend too. A failed write-back rejects the call that needed it, with the code of the failure underneath;
 * the blocks stay in the cache, and the next `sync`, `close` or call that needs room tries again.
 */
export class BlockCache extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #blocks: CachedBlocks;
  readonly #reader: BlockReader;
  readonly #writer: BlockWriter;
  readonly #changes: RangeChanges;
  readonly #readAhead: ReadAhead;

  /** @throws `CacheError` `ERR_ARGUMENT` naming the option that is out of its range. */
  constructor(backend: Backend, options: BlockCacheOptions = {}) {
    super();
    const settings = settingsOf(backend.name, options);
    this.name = settings.name;
    // Blocks that are not written back yet may lie where the backend would grow.
    this.capabilities = { ...backend.capabilities, allocate: false };
    this.#blocks = new CachedBlocks(backend, settings, options);
    this.#reader = new BlockReader(this.#blocks);
    this.#writer = new BlockWriter(this.#blocks);
    this.#changes = new RangeChanges(this.#blocks);
    this.#readAhead = new ReadAhead(this.#blocks);
  }

  get size(): number {
    return this.#blocks.size;
  }

  /**
   * This cache in the order of writes. After `a.node.dependsOn(b.node)` resolves, nothing of `a` reaches its backend
   * before all that `b` had pending then is durable. Close `a` before `b`.
   */
  get node(): FlushNode {
    return this.#blocks.node;
  }

  /** Size of a block, in bytes. */
  get blockSize(): number {
    return this.#blocks.blockSize;
  }

  /** How much the cache keeps, in bytes: whole blocks. */
  get bytes(): number {
    return this.#blocks.node.limit * this.blockSize;
  }

  /** How much of that is not durable in its last version, in bytes: whole blocks. */
  get dirtyBytes(): number {
    return this.#blocks.node.dirtyCount * this.blockSize;
  }

  /** What has happened so far. */
  get counters(): BlockCacheCounters {
    const { node, io } = this.#blocks;
    return {
      ...node.counters,
      backendReads: io.counts.reads,
      directReads: this.#reader.direct,
      readAheads: this.#readAhead.loads,
      backendWrites: io.counts.writes,
    };
  }

  /**
   * Changes how much to keep, in bytes. Resolves when the cache is that small.
   *
   * @throws `CacheError` `ERR_ARGUMENT` for less than a block; `BackendError` when what must be written back cannot be.
   */
  async resize(bytes: number): Promise<void> {
    const limit = limitOf(this.name, bytes, this.blockSize);
    await this.#told("resize", this.#blocks.node.setLimit(limit));
  }

  protected doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const done = this.#reader.readCached(target, offset);
    this.#readAhead.note(offset, target.byteLength);
    if (done === target.byteLength) return DONE;
    return this.#told("read", this.#reader.read(target.subarray(done), offset + done, signal));
  }

  protected override doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const done = this.#writer.writeCached(source, offset);
    if (done === source.byteLength) return DONE;
    return this.#told("write", this.#writer.write(source.subarray(done), offset + done, signal));
  }

  protected override doTruncate(size: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#told("truncate", this.#changes.truncate(size, signal));
  }

  protected override doWriteZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#told("writeZeroes", this.#changes.writeZeroes(offset, length, signal));
  }

  protected override doDiscard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#told("discard", this.#changes.discard(offset, length, signal));
  }

  protected override doSync(signal: AbortSignal | undefined): Promise<void> {
    return this.#told("sync", abortable(this.#blocks.node.sync(), signal));
  }

  protected override doExtents(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Extent> {
    const { backend, blockSize, io } = this.#blocks;
    const dirty: Span[] = io.dirty
      .within(this.#blocks.indexOf(offset), this.#blocks.lastIndex(offset, length))
      .map(([index, { used }]) => ({ offset: index * blockSize, end: index * blockSize + used }));
    return mergedExtents(backend, { offset, end: offset + length }, dirty, { signal });
  }

  protected override async doClose(): Promise<void> {
    const { backend, node, calls } = this.#blocks;
    this.#readAhead.stop();
    const hold = calls.enter(0, Infinity, true);
    try {
      if (hold.ready) await hold.ready;
      await this.#told("close", node.flush());
      await backend.close();
    } finally {
      hold.leave();
    }
  }

  /** Waits for what the cache does, and says in the backend's words what went wrong. */
  async #told(operation: string, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      throw failure(this.name, operation, error);
    }
  }
}
