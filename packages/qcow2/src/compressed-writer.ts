import { deflateCluster, zstdCluster } from "#compress";

import type { Allocator, PackedBytes } from "./allocator.js";
import { Qcow2Error, ruleError } from "./errors.js";
import type { GuestData } from "./guest-data.js";
import type { CompressionType } from "./header.js";
import type { HostFile } from "./host-file.js";
import type { InflatedClusters } from "./inflated-clusters.js";
import type { L2Tables } from "./l2-tables.js";
import { compressedOffsetEnd } from "./l2-descriptor.js";
import { UNALLOCATED } from "./l2-entry.js";
import { letGo } from "./let-go.js";
import type { Layout } from "./layout.js";
import type { GuestMap } from "./mapping.js";
import { Parallel } from "./parallel.js";
import type { PendingFrees } from "./pending-frees.js";
import type { RangeLocks } from "./range-locks.js";
import type { Tables } from "./tables.js";
import type { Writer } from "./writer.js";

/** Clusters of one request that are packed and written side by side. */
const PARALLEL = 8;

/** What writing compressed clusters needs. */
export interface CompressedWriterContext {
  readonly file: HostFile;
  readonly data: GuestData;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l2Tables: L2Tables;
  readonly allocator: Allocator;
  readonly frees: PendingFrees;
  readonly map: GuestMap;
  readonly locks: RangeLocks;
  readonly inflated: InflatedClusters;
  readonly writer: Writer;
}

/** How compressed clusters are written. */
export interface CompressedWriteHow {
  /** Whether clusters may get their places in the file in another order than they have on the disk. */
  readonly unordered: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @throws {@link Qcow2Error} `ERR_INVALID_OPTION` where a range begins or ends inside a cluster */
export function requireWholeClusters(where: string, begin: number, end: number, clusterSize: number): void {
  const rule = `a multiple of the cluster size ${clusterSize}: only whole clusters are compressed`;
  if (begin % clusterSize !== 0) throw ruleError("ERR_INVALID_OPTION", where, "offset", begin, rule);
  if (end % clusterSize !== 0) throw ruleError("ERR_INVALID_OPTION", where, "end", end, rule);
}

/**
 * Writes whole guest clusters compressed, packed byte by byte into host clusters. Specification: "Compressed Clusters
 * Descriptor".
 */
export class CompressedWriter {
  readonly #its: CompressedWriterContext;
  readonly #pack: (cluster: Uint8Array) => Promise<Uint8Array>;

  constructor(context: CompressedWriterContext, compressionType: CompressionType) {
    this.#its = context;
    this.#pack = compressionType === "zstd" ? zstdCluster : deflateCluster;
  }

  /** Writes `source` at `offset`, both at cluster boundaries; the end of the disk may cut the last cluster short. */
  async write(source: Uint8Array, offset: number, { unordered, signal }: CompressedWriteHow): Promise<void> {
    const { layout, file, data } = this.#its;
    const { clusterSize } = layout;
    if (data.uncompressible !== undefined) {
      const message = `${file.name}: clusters cannot be written compressed: the image has ${data.uncompressible}`;
      throw new Qcow2Error("ERR_UNSUPPORTED_FEATURE", message);
    }
    const parts = new Parallel(PARALLEL);
    let turn = Promise.resolve();
    try {
      for (let at = 0; at < source.byteLength && !parts.failed; at += clusterSize) {
        signal?.throwIfAborted();
        const bytes = source.subarray(at, at + clusterSize);
        const before = unordered ? Promise.resolve() : turn;
        const { promise, resolve } = Promise.withResolvers<void>();
        turn = promise;
        await parts.start(() => this.#writeCluster(bytes, offset + at, before, resolve));
      }
    } finally {
      await parts.end();
    }
  }

  async #writeCluster(bytes: Uint8Array, offset: number, turn: Promise<void>, placed: () => void): Promise<void> {
    const { allocator, writer, file } = this.#its;
    let place: PackedBytes | undefined;
    let packed: Uint8Array;
    try {
      packed = await this.#pack(this.#whole(bytes));
      await turn;
      place = await this.#place(packed.byteLength);
    } finally {
      // Also after a failure: nobody is to wait for a turn that never comes.
      placed();
    }
    if (!place) return writer.write(bytes, offset);
    try {
      await file.writeData(packed, place.offset);
      await this.#link(offset, place, packed.byteLength);
    } catch (error) {
      allocator.giveBack(place);
      throw error;
    }
  }

  /** What the guest does not see of the last cluster is zero. */
  #whole(bytes: Uint8Array): Uint8Array {
    const { clusterSize } = this.#its.layout;
    if (bytes.byteLength === clusterSize) return bytes;
    const whole = new Uint8Array(clusterSize);
    whole.set(bytes);
    return whole;
  }

  /** Room for packed data; none for what has not become smaller, or would lie further on than an L2 entry can tell. */
  async #place(length: number): Promise<PackedBytes | undefined> {
    const { allocator, layout } = this.#its;
    if (length >= layout.clusterSize) return undefined;
    const place = await allocator.allocateBytes(length);
    if (place.offset < compressedOffsetEnd(layout.clusterBits)) return place;
    allocator.giveBack(place);
    return undefined;
  }

  async #link(offset: number, place: PackedBytes, length: number): Promise<void> {
    const { layout, tables, l2Tables, frees, map, locks, inflated } = this.#its;
    const { clusterSize, l2Coverage, l2 } = layout;
    const lock = await locks.acquire(offset / clusterSize, offset / clusterSize);
    try {
      // What an entry shows that is broken may be somebody else's, and is not let go: this throws.
      if (!map.tryRun(offset, offset + 1)) await map.run(offset, offset + 1);
      const at = map.entryAt(await l2Tables.writable(Math.floor(offset / l2Coverage)), offset);
      await tables.orderL2();
      const lease = tables.l2.tryAt(at) ?? (await tables.l2.at(at));
      const { view } = lease.value;
      const position = tables.l2.position(at);
      const old = l2.decode(view, position);
      const { offset: hostOffset } = place;
      inflated.forgetAt(hostOffset);
      l2.write(view, position, { ...UNALLOCATED, compressed: true, hostOffset, compressedLength: length });
      lease.markDirty();
      lease.release();
      letGo(old, layout, frees);
    } finally {
      lock.release();
    }
  }
}
