import type { FreshClusters } from "./fresh-clusters.js";
import type { GuestData } from "./guest-data.js";
import type { Layout } from "./layout.js";
import type { GuestMap, Run } from "./mapping.js";
import { Parallel } from "./parallel.js";
import type { RangeLocks } from "./range-locks.js";

/** Runs of one request that are written side by side. */
const PARALLEL = 16;

/** Whether the guest bytes may be written where they are. */
function isInPlace(run: Run): boolean {
  return run.kind === "normal" && run.copied;
}

/** Writes guest bytes: in place where they have clusters of their own, else to fresh ones. */
export class Writer {
  readonly #data: GuestData;
  readonly #map: GuestMap;
  readonly #fresh: FreshClusters;
  readonly #locks: RangeLocks;
  readonly #clusterSize: number;
  /** Guest bytes that one L2 slice maps. */
  readonly #sliceCoverage: number;

  constructor(
    data: GuestData,
    layout: Layout,
    map: GuestMap,
    fresh: FreshClusters,
    locks: RangeLocks,
    sliceCoverage: number,
  ) {
    this.#data = data;
    this.#map = map;
    this.#fresh = fresh;
    this.#locks = locks;
    this.#clusterSize = layout.clusterSize;
    this.#sliceCoverage = sliceCoverage;
  }

  /**
   * Writes `source` at `offset`: one request for each run of host clusters. An abort is seen between two requests; what
   * has been handed to the file is waited for, because it must have ended before its clusters can be used otherwise.
   */
  write(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const first = this.#map.tryRun(offset, offset + source.byteLength);
    if (first?.length === source.byteLength) {
      if (isInPlace(first)) return this.#writeInPlace(source, first);
      if (this.#inOneSlice(first) === first) return this.#writeLocked(source, offset, signal);
    }
    return this.#writeRuns(source, offset, first, signal);
  }

  async #writeRuns(source: Uint8Array, offset: number, known: Run | undefined, signal?: AbortSignal): Promise<void> {
    const end = offset + source.byteLength;
    const first = known ?? (await this.#map.run(offset, end));
    const parts = new Parallel(PARALLEL);
    try {
      for (let at = offset, run = first; at < end && !parts.failed;) {
        const found = isInPlace(run) ? run : this.#inOneSlice(run);
        const part = source.subarray(at - offset, at - offset + found.length);
        await parts.start(() =>
          found === run && isInPlace(found)
            ? this.#writeInPlace(part, found)
            : this.#writeLocked(part, found.guestOffset, signal),
        );
        at += found.length;
        if (at < end) run = this.#map.tryRun(at, end) ?? (await this.#map.run(at, end));
      }
    } finally {
      await parts.end();
    }
  }

  #writeInPlace(source: Uint8Array, run: Run): Promise<void> {
    return this.#data.write(source, run.hostOffset, run.guestOffset);
  }

  /** Alone with the clusters, looks again what they are: somebody may have come first and mapped them. */
  async #writeLocked(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const last = Math.floor((offset + source.byteLength - 1) / this.#clusterSize);
    const lock = await this.#locks.acquire(Math.floor(offset / this.#clusterSize), last);
    try {
      await this.writeHeld(source, offset, signal);
    } finally {
      lock.release();
    }
  }

  /** Writes to clusters of one L2 slice, which the caller has locked. */
  async writeHeld(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const end = offset + source.byteLength;
    for (let at = offset; at < end;) {
      signal?.throwIfAborted();
      const run = this.#map.tryRun(at, end) ?? (await this.#map.run(at, end));
      const part = source.subarray(at - offset, at - offset + run.length);
      if (isInPlace(run)) await this.#writeInPlace(part, run);
      at += isInPlace(run) ? run.length : await this.#fresh.write(part, run);
    }
  }

  /** The part of a run that one L2 slice maps. */
  #inOneSlice(run: Run): Run {
    const left = this.#sliceCoverage - (run.guestOffset % this.#sliceCoverage);
    return run.length <= left ? run : { ...run, length: left };
  }
}
