import type { Backend } from "@instar/backend";

import type { GuestData } from "./guest-data.js";
import type { InflatedClusters } from "./inflated-clusters.js";
import type { Layout } from "./layout.js";
import type { GuestMap, Run } from "./mapping.js";
import { Parallel } from "./parallel.js";

/** Runs of one request that are read side by side. */
const PARALLEL = 16;

/** Reads guest bytes: from host clusters, compressed or not, from the backing image, or as zeroes. */
export class Reader {
  readonly #data: GuestData;
  readonly #layout: Layout;
  readonly #map: GuestMap;
  readonly #inflated: InflatedClusters;
  readonly #backing: Backend | undefined;

  constructor(
    data: GuestData,
    layout: Layout,
    map: GuestMap,
    inflated: InflatedClusters,
    backing: Backend | undefined,
  ) {
    this.#data = data;
    this.#layout = layout;
    this.#map = map;
    this.#inflated = inflated;
    this.#backing = backing;
  }

  /** Fills `target` from `offset`: one request for each run of host clusters. */
  read(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    const first = this.#map.tryRun(offset, offset + target.byteLength);
    if (first?.length === target.byteLength) return this.#readRun(first, target, signal);
    return this.#readRuns(target, offset, first, signal);
  }

  /** Where the backing image ends: from there on, guest bytes that are not in this layer read as zeroes. */
  get backingEnd(): number {
    return this.#backing?.size ?? 0;
  }

  /** Whether a run, and what follows in this way, is zero from `offset` on as far as this layer can tell. */
  isZero(run: Run, offset: number = run.guestOffset): boolean {
    if (run.kind === "unallocated" || run.kind === "reserved") return offset >= this.backingEnd;
    return run.kind === "zero" || run.kind === "zero-allocated";
  }

  async #readRuns(target: Uint8Array, offset: number, known: Run | undefined, signal?: AbortSignal): Promise<void> {
    const end = offset + target.byteLength;
    const first = known ?? (await this.#map.run(offset, end));
    const parts = new Parallel(PARALLEL);
    try {
      for (let at = offset, run = first; at < end && !parts.failed;) {
        const found = run;
        const part = target.subarray(at - offset, at - offset + found.length);
        await parts.start(() => this.#readRun(found, part, signal));
        at += found.length;
        if (at < end) run = this.#map.tryRun(at, end) ?? (await this.#map.run(at, end));
      }
    } finally {
      await parts.end();
    }
  }

  #readRun(run: Run, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    switch (run.kind) {
      case "normal":
        return this.#data.read(target, run.hostOffset, run.guestOffset, signal);
      case "compressed":
        return this.#readCompressed(run, target, signal);
      case "unallocated":
      case "reserved":
        return this.#readBacking(target, run.guestOffset, signal);
      case "zero":
      case "zero-allocated":
        target.fill(0);
        return Promise.resolve();
    }
  }

  async #readCompressed(run: Run, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const bytes = await this.#inflated.read(run);
    signal?.throwIfAborted();
    const inCluster = run.guestOffset % this.#layout.clusterSize;
    target.set(bytes.subarray(inCluster, inCluster + target.byteLength));
  }

  async #readBacking(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const present = this.#backing ? Math.max(0, Math.min(target.byteLength, this.#backing.size - offset)) : 0;
    target.fill(0, present);
    if (present > 0) await this.#backing?.read(target.subarray(0, present), offset, signal && { signal });
  }
}
