import type { Eraser } from "./eraser.js";
import type { Layout } from "./layout.js";
import type { GuestMap } from "./mapping.js";
import type { Reader } from "./reader.js";
import type { Writer } from "./writer.js";

/** Most zeroes that are written at once. */
const CHUNK = 1024 * 1024;

/** Makes guest bytes read as zeroes: whole subclusters by their L2 entries, parts of them by writing. */
export class Zeroes {
  readonly #layout: Layout;
  readonly #map: GuestMap;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #eraser: Eraser;

  constructor(layout: Layout, map: GuestMap, reader: Reader, writer: Writer, eraser: Eraser) {
    this.#layout = layout;
    this.#map = map;
    this.#reader = reader;
    this.#writer = writer;
    this.#eraser = eraser;
  }

  /**
   * Zeroes from `begin` to `end`; may stop early, as {@link Eraser.erase} does.
   *
   * @param diskEnd where the disk ends: a cluster that it cuts short is a whole one
   * @returns the offset up to which it has come
   */
  async zero(begin: number, end: number, diskEnd: number, signal?: AbortSignal): Promise<number> {
    const { clusterSize, subclusterSize } = this.#layout;
    const firstWhole = Math.ceil(begin / subclusterSize) * subclusterSize;
    const lastWhole = Math.floor(end / subclusterSize) * subclusterSize;
    const endWhole = end === diskEnd ? Math.ceil(end / clusterSize) * clusterSize : lastWhole;
    if (firstWhole >= endWhole) {
      await this.#zeroParts(begin, end, signal);
      return end;
    }
    await this.#zeroParts(begin, firstWhole, signal);
    const reached = await this.#zeroWhole(firstWhole, endWhole, diskEnd, signal);
    if (reached < endWhole) return reached;
    await this.#zeroParts(endWhole, end, signal);
    return end;
  }

  async #zeroWhole(begin: number, end: number, diskEnd: number, signal?: AbortSignal): Promise<number> {
    const { version, clusterSize } = this.#layout;
    const { backingEnd } = this.#reader;
    if (version === 3 || begin >= backingEnd) {
      const reached = await this.#eraser.erase(begin, end, "zero", signal);
      if (reached > begin) return reached;
      // Part of a compressed cluster is to stay.
      const stop = Math.min(end, begin - (begin % clusterSize) + clusterSize);
      await this.#zeroParts(begin, Math.min(stop, diskEnd), signal);
      return stop;
    }
    // Version 2 has no way to hide the backing image but data.
    const hidden = Math.min(end, Math.ceil(backingEnd / clusterSize) * clusterSize);
    await this.#zeroParts(begin, Math.min(hidden, diskEnd), signal);
    return this.#eraser.erase(hidden, end, "zero", signal);
  }

  /** Writes zeroes, but not over zeroes. */
  async #zeroParts(begin: number, end: number, signal: AbortSignal | undefined): Promise<void> {
    for (let at = begin; at < end;) {
      const run = this.#map.tryRun(at, end) ?? (await this.#map.run(at, end));
      const stop = Math.min(at + run.length, at + CHUNK);
      if (!this.#reader.isZero(run)) await this.#writer.write(new Uint8Array(stop - at), at, signal);
      at = stop;
    }
  }
}
