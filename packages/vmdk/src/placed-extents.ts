import type { DiskExtent, Run } from "./extent.js";
import { ruleError } from "./rule-error.js";

/** An extent in its place on the disk. */
interface Placed {
  readonly start: number;
  readonly extent: DiskExtent;
}

/** A run of guest bytes, and the extent that it is of. */
export interface PlacedRun {
  readonly run: Run;
  readonly extent: DiskExtent;
}

/** The extents of a disk, one behind the other. */
export class PlacedExtents {
  /** Bytes of all of them. */
  readonly size: number;
  readonly #placed: readonly Placed[];

  /**
   * @param where for messages: the image
   * @throws {@link ImageError} `ERR_INVALID_HEADER` where they are too large together
   */
  constructor(where: string, extents: readonly DiskExtent[]) {
    let start = 0;
    this.#placed = extents.map((extent) => {
      const placed = { start, extent };
      start += extent.size;
      if (Number.isSafeInteger(start)) return placed;
      throw ruleError("ERR_INVALID_HEADER", where, "size of all extents", start, "be 2^53-1 at most");
    });
    this.size = start;
  }

  /** The run that begins at a guest offset, at most up to `end`. */
  async run(offset: number, end: number, signal: AbortSignal | undefined): Promise<PlacedRun> {
    let low = 0;
    let high = this.#placed.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#placed[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const placed = this.#placed[low];
    if (!placed) throw new RangeError(`no extent at ${offset}`);
    const { start, extent } = placed;
    const run = await extent.run(offset - start, Math.min(end - start, extent.size), signal);
    return { run, extent };
  }
}
