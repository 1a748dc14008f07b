import type { CacheCounters, CacheEvent } from "@instar/lru-cache";

import { ruleError } from "./errors.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import { SliceCache, sliceSizeOf } from "./slice-cache.js";

/** How many bytes of each kind of table to keep in memory. */
export interface CacheLimits {
  /** L1 table; defaults to 1 MiB. */
  readonly l1Bytes?: number | undefined;
  /** L2 tables; defaults to 4 MiB. 1 MiB covers 8 GiB of guest disk in clusters of 64 KiB. */
  readonly l2Bytes?: number | undefined;
  /** Refcount table; defaults to 256 KiB. */
  readonly refcountTableBytes?: number | undefined;
  /** Refcount blocks; defaults to 1 MiB. */
  readonly refcountBytes?: number | undefined;
}

/** @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for a limit that is no number of bytes */
export function requireLimits(where: string, limits: CacheLimits = {}): void {
  for (const [name, bytes] of Object.entries(limits)) {
    if (bytes === undefined || Number.isFinite(bytes)) continue;
    throw ruleError("ERR_INVALID_OPTION", where, `caches.${name}`, String(bytes), "a number of bytes");
  }
}

/** What has happened in the caches of an image. */
export interface TableCounters {
  readonly l1: CacheCounters;
  readonly l2: CacheCounters;
  readonly refcountTable: CacheCounters;
  readonly refcounts: CacheCounters;
}

const MIB = 1024 * 1024;

/** The cached tables of an image, and the order in which they reach the file. */
export class Tables {
  readonly l1: SliceCache;
  readonly l2: SliceCache;
  readonly refcountTable: SliceCache;
  readonly refcounts: SliceCache;
  readonly #file: HostFile;
  readonly #data: GuestData;

  constructor(
    file: HostFile,
    data: GuestData,
    clusterSize: number,
    limits: CacheLimits = {},
    observer?: (event: CacheEvent<number>) => void,
  ) {
    const { l1Bytes = MIB, l2Bytes = 4 * MIB, refcountTableBytes = MIB / 4, refcountBytes = MIB } = limits;
    const common = { file, sliceSize: sliceSizeOf(clusterSize), observer };
    this.#file = file;
    this.#data = data;
    this.l1 = new SliceCache({ ...common, name: "l1", bytes: l1Bytes });
    this.l2 = new SliceCache({ ...common, name: "l2", bytes: l2Bytes });
    this.refcountTable = new SliceCache({ ...common, name: "refcountTable", bytes: refcountTableBytes });
    this.refcounts = new SliceCache({ ...common, name: "refcounts", bytes: refcountBytes });
  }

  /** To be awaited before an L2 entry begins to show a cluster: its refcount and its data come first. */
  async orderL2(): Promise<void> {
    await this.l2.dependsOn(this.refcounts);
    // A refcount in a block that the refcount table does not show protects nothing.
    await this.l2.dependsOn(this.refcountTable);
    await this.l2.dependsOn(this.#data.writes);
  }

  /** To be awaited before an L1 entry begins to show an L2 table: its refcount and the table itself come first. */
  async orderL1(): Promise<void> {
    await this.l1.dependsOn(this.refcounts);
    await this.l1.dependsOn(this.refcountTable);
    await this.l1.dependsOn(this.#file.data);
  }

  /** To be awaited before the refcount table begins to show a block: the block comes first. */
  async orderRefcountTable(): Promise<void> {
    await this.refcountTable.dependsOn(this.refcounts);
    await this.refcountTable.dependsOn(this.#file.data);
  }

  /** Makes refcounts durable that nothing in a cache depends on, because a header is to be written. */
  async syncRefcounts(): Promise<void> {
    await this.refcountTable.sync();
    await this.refcounts.sync();
    await this.#file.sync();
  }

  /** Makes everything durable. Attempts all, and throws the first failure. */
  async sync(): Promise<void> {
    // Refcounts that are stored by now share the first sync of the file with the data.
    const first = await Promise.allSettled([this.refcounts.flush()]);
    const nodes = [this.#data.writes, this.#file.data, this.refcounts, this.refcountTable, this.l2, this.l1];
    const rest = await Promise.allSettled(nodes.map((node) => node.sync()));
    const last = await Promise.allSettled([this.#data.sync(), this.#file.sync()]);
    for (const result of [...first, ...rest, ...last]) if (result.status === "rejected") throw result.reason;
  }

  /** Forgets all, because the header shows other tables now. Nothing is dirty or in use. */
  async forget(): Promise<void> {
    for (const cache of [this.l1, this.l2, this.refcountTable, this.refcounts]) await cache.invalidate();
  }

  /** What has happened so far. */
  get counters(): TableCounters {
    return {
      l1: this.l1.counters,
      l2: this.l2.counters,
      refcountTable: this.refcountTable.counters,
      refcounts: this.refcounts.counters,
    };
  }
}
