import { type Backend, type CallOptions, isBackendError } from "@instar/backend";
import { AsyncLruCache } from "@instar/lru-cache";

import { viewOf } from "../bytes.js";
import type { Geometry } from "../geometry.js";
import type { Qcow2Header } from "../header.js";
import { readClipped } from "../read-clipped.js";
import { type RefcountCodec, refcountCodec } from "../refcount-codec.js";
import { refcountBlockOffset } from "../table-entry.js";

/** How many bytes of refcount blocks are kept. */
const BLOCK_CACHE = 16 * 1024 * 1024;

/** The refcounts as the image stores them, for reading. */
export class StoredRefcounts {
  /** Entries of the refcount table. */
  readonly tableEntries: number;
  readonly #table: DataView;
  readonly #geometry: Geometry;
  readonly #codec: RefcountCodec;
  readonly #cache: AsyncLruCache<number, Uint8Array>;
  /** The block that was asked for last; nobody modifies blocks, so it is good even when the cache drops it. */
  #last: { readonly index: number; readonly block: Uint8Array } | undefined;

  private constructor(file: Backend, table: Uint8Array, geometry: Geometry, call: CallOptions | undefined) {
    this.tableEntries = table.byteLength / 8;
    this.#table = viewOf(table);
    this.#geometry = geometry;
    this.#codec = refcountCodec(geometry.refcountOrder);
    this.#cache = new AsyncLruCache({
      name: "check",
      limit: Math.max(8, BLOCK_CACHE / geometry.clusterSize),
      io: {
        load: (offset) => readClipped(file, offset, geometry.clusterSize, call),
        store: () => undefined,
      },
    });
  }

  /** Reads the refcount table, 8 MiB at the most. */
  static async open(
    file: Backend,
    header: Qcow2Header,
    geometry: Geometry,
    call?: CallOptions,
  ): Promise<StoredRefcounts> {
    const length = header.refcountTableClusters * geometry.clusterSize;
    const table = await readClipped(file, header.refcountTableOffset, length, call);
    return new StoredRefcounts(file, table, geometry, call);
  }

  /** The two halves of an entry of the refcount table. */
  entry(index: number): { readonly high: number; readonly low: number } {
    return { high: this.#table.getUint32(index * 8), low: this.#table.getUint32(index * 8 + 4) };
  }

  /** Offset of a refcount block in bytes; 0 where there is none, `undefined` where the offset is not aligned. */
  blockOffset(index: number): number | undefined {
    if (index >= this.tableEntries) return 0;
    const { high, low } = this.entry(index);
    const offset = refcountBlockOffset(high, low);
    return offset % this.#geometry.clusterSize === 0 ? offset : undefined;
  }

  /** The refcount of a cluster where its block is the one that was asked for last. */
  recent(cluster: number): number | undefined {
    const index = Math.floor(cluster / this.#geometry.refcountsPerBlock);
    if (this.#last?.index !== index) return undefined;
    return this.#codec.get(this.#last.block, cluster % this.#geometry.refcountsPerBlock);
  }

  /** The refcount of a cluster; 0 where there is no block for it, `undefined` where its block cannot be read. */
  async get(cluster: number): Promise<number | undefined> {
    const index = Math.floor(cluster / this.#geometry.refcountsPerBlock);
    const offset = this.blockOffset(index);
    if (offset === undefined || offset === 0) return offset;
    try {
      const lease = await this.#cache.acquire(offset);
      this.#last = { index, block: lease.value };
      lease.release();
    } catch (error) {
      if (isBackendError(error, "ERR_IO")) return undefined;
      throw error;
    }
    return this.#codec.get(this.#last.block, cluster % this.#geometry.refcountsPerBlock);
  }
}
