import type { CachedBlocks } from "./cached-blocks.js";

/** How many sequential readers are told apart. */
const STREAMS = 4;

/** One sequential reader, or what may become one. */
interface Stream {
  /** Where its next read begins if it goes on. */
  next: number;
  /** How much to have ready for it, in bytes. */
  window: number;
  /** The first block that has not been asked for in advance. */
  ahead: number;
}

/** Recognises sequential readers and loads in advance what they will want. */
export class ReadAhead {
  /** Blocks loaded in advance. */
  loads = 0;
  readonly #blocks: CachedBlocks;
  readonly #most: number;
  /** The one that read last comes last. */
  readonly #streams: Stream[] = [];
  #stopped = new AbortController();

  constructor(blocks: CachedBlocks) {
    this.#blocks = blocks;
    this.#most = blocks.settings.readAhead;
  }

  /** Tells of a read that is not empty. */
  note(offset: number, length: number): void {
    // Reads past the cache are large enough by themselves.
    if (this.#most === 0 || length >= this.#blocks.directRead) return;
    const end = offset + length;
    const at = this.#streams.findIndex((stream) => stream.next === offset);
    const [known] = at < 0 ? [] : this.#streams.splice(at, 1);
    const stream = known ?? { next: end, window: 0, ahead: 0 };
    stream.next = end;
    this.#streams.push(stream);
    if (known) this.#extend(known, length);
    else if (this.#streams.length > STREAMS) this.#streams.shift();
  }

  /** Gives up what is being loaded, and forgets the readers. */
  stop(): void {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    this.#streams.length = 0;
  }

  #extend(stream: Stream, length: number): void {
    const { blockSize, size } = this.#blocks;
    const from = this.#firstUnread(stream);
    stream.ahead = Math.max(stream.ahead, from);
    if ((stream.ahead - from) * blockSize > stream.window / 2) return;
    stream.window = Math.min(this.#most, Math.max(2 * stream.window, 2 * length, blockSize));
    const wanted = from + Math.floor(stream.window / blockSize);
    const first = stream.ahead;
    const end = Math.min(wanted, first + this.#allowance(), Math.ceil(size / blockSize));
    if (end <= first) return;
    stream.ahead = end;
    // Behind the reads of this turn, so that nobody's own read becomes longer.
    queueMicrotask(() => queueMicrotask(() => void this.#load(first, end - 1)));
  }

  /** The block behind the one that the stream read last. */
  #firstUnread(stream: Stream): number {
    return this.#blocks.indexOf(stream.next - 1) + 1;
  }

  /** How many blocks more may wait to be read: a quarter of the cache, less what the streams have waiting. */
  #allowance(): number {
    let waiting = 0;
    for (const stream of this.#streams) waiting += Math.max(0, stream.ahead - this.#firstUnread(stream));
    return Math.floor(this.#blocks.node.limit / 4) - waiting;
  }

  async #load(first: number, last: number): Promise<void> {
    const { node, calls } = this.#blocks;
    if (!calls.isOpen(first, last)) return;
    const hold = calls.enter(first, last);
    const { signal } = this.#stopped;
    const loads: Promise<void>[] = [];
    for (let index = first; index <= last; index++) {
      if (node.has(index)) continue;
      this.loads++;
      loads.push(this.#blocks.acquire(index, signal).then((lease) => lease.release()));
    }
    // A failure is left to whoever reads the block: it may never be wanted, and then fail no more.
    await Promise.allSettled(loads);
    hold.leave();
  }
}
