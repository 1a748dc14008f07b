import type { Eraser } from "./eraser.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { GuestMap, Run } from "./mapping.js";
import { Parallel } from "./parallel.js";
import type { RangeLocks } from "./range-locks.js";
import type { Reader } from "./reader.js";
import type { Writer } from "./writer.js";

/** Pieces of one request that are read, or copied, side by side. */
const PARALLEL = 16;
/** Bytes that are copied at once. */
const CHUNK = 1024 * 1024;

/** What copying on read needs. */
export interface CopyOnReadContext {
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly map: GuestMap;
  readonly locks: RangeLocks;
  readonly reader: Reader;
  readonly writer: Writer;
  readonly eraser: Eraser;
}

/**
 * Reads guest bytes, and writes what the backing image had to be asked for into this layer, so that nobody has to ask
 * it again. What the guest sees is never changed by it: under the lock of its clusters, what is not in this layer still
 * is what the backing image holds.
 */
export class CopyOnRead {
  readonly #its: CopyOnReadContext;

  constructor(context: CopyOnReadContext) {
    this.#its = context;
  }

  /**
   * Fills `target` from `offset`. That a copy cannot be written fails no read.
   *
   * @param prepare what must have happened before the image is changed
   */
  async read(
    target: Uint8Array,
    offset: number,
    prepare: () => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { map, reader } = this.#its;
    const end = offset + target.byteLength;
    const parts = new Parallel(PARALLEL);
    try {
      for (let at = offset; at < end && !parts.failed;) {
        const begin = at;
        const run = map.tryRun(at, end) ?? (await map.run(at, end));
        const stop = this.#isBelow(run) ? this.#chunkEnd(run) : at + run.length;
        const part = target.subarray(begin - offset, stop - offset);
        const copies = this.#isBelow(run) && (await this.#may(prepare));
        await parts.start(() => (copies ? this.#readLocked(part, begin, signal) : reader.read(part, begin, signal)));
        at = stop;
      }
    } finally {
      await parts.end();
    }
  }

  /** Whether the backing image is asked for the beginning of a run. */
  #isBelow({ kind, guestOffset }: Run): boolean {
    return (kind === "unallocated" || kind === "reserved") && guestOffset < this.#its.reader.backingEnd;
  }

  /** A piece of a run lies in one L2 slice, and is not too much to hold in memory. */
  #chunkEnd({ guestOffset, length }: Run): number {
    const { map, layout } = this.#its;
    const size = Math.min(map.sliceCoverage, Math.max(CHUNK, layout.clusterSize));
    return Math.min(guestOffset + length, guestOffset - (guestOffset % size) + size);
  }

  async #may(prepare: () => Promise<void>): Promise<boolean> {
    try {
      await prepare();
      return true;
    } catch {
      return false;
    }
  }

  /** Alone with the clusters, looks again what is there: somebody may have come first and written or copied them. */
  async #readLocked(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { layout, map, locks, reader } = this.#its;
    const end = offset + target.byteLength;
    const last = Math.floor((end - 1) / layout.clusterSize);
    const lock = await locks.acquire(Math.floor(offset / layout.clusterSize), last);
    try {
      for (let at = offset; at < end;) {
        const run = map.tryRun(at, end) ?? (await map.run(at, end));
        const part = target.subarray(at - offset, at - offset + run.length);
        if (this.#isBelow(run)) await this.#copy(part, at, signal);
        else await reader.read(part, at, signal);
        at += run.length;
      }
    } finally {
      lock.release();
    }
  }

  async #copy(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { layout, header, reader } = this.#its;
    const { subclusterSize } = layout;
    const begin = Math.floor(offset / subclusterSize) * subclusterSize;
    const end = Math.ceil((offset + target.byteLength) / subclusterSize) * subclusterSize;
    const bytes = new Uint8Array(Math.min(end, header.current.size) - begin);
    await reader.read(bytes, begin, signal);
    target.set(bytes.subarray(offset - begin, offset - begin + target.byteLength));
    try {
      await this.#store(bytes, begin);
    } catch {
      // The guest has what it asked for. Who asks next tries again.
    }
  }

  /** Writes whole subclusters, of which zeroes take no place. */
  async #store(bytes: Uint8Array, begin: number): Promise<void> {
    const { layout, writer, eraser } = this.#its;
    const { subclusterSize } = layout;
    // Version 2 cannot say of a cluster that it is zero, and a data file may have to hold the zeroes.
    const tells = layout.version === 3 && !layout.external;
    for (let at = 0; at < bytes.byteLength;) {
      const zero = tells && isZero(bytes, at, subclusterSize);
      let end = at + subclusterSize;
      while (end < bytes.byteLength && (tells && isZero(bytes, end, subclusterSize)) === zero) end += subclusterSize;
      if (zero) await eraser.zeroHeld(begin + at, begin + end);
      else await writer.writeHeld(bytes.subarray(at, end), begin + at);
      at = end;
    }
  }
}

/** Whether a part of a buffer, which may end before, is zero. The part begins at a multiple of 512. */
function isZero({ buffer, byteLength }: Uint8Array, at: number, length: number): boolean {
  const end = Math.min(at + length, byteLength);
  const words = new Uint32Array(buffer, at, (end - at) >>> 2);
  for (const word of words) if (word !== 0) return false;
  return new Uint8Array(buffer, at + words.byteLength, end - at - words.byteLength).every((byte) => byte === 0);
}
