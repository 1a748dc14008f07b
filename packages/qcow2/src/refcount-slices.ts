import { ruleError } from "./errors.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { SliceLease } from "./slice-cache.js";
import { entryText, refcountBlockOffset, refcountTableEntryProblem } from "./table-entry.js";
import type { Tables } from "./tables.js";

/** Where refcounts are: the way from the refcount table to a slice of a refcount block. */
export class RefcountSlices {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #tables: Tables;
  readonly #metadata: MetadataRanges;

  constructor(file: HostFile, header: LiveHeader, layout: Layout, tables: Tables, metadata: MetadataRanges) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#tables = tables;
    this.#metadata = metadata;
  }

  /** The slice of the refcount block that holds a cluster's refcount, if it is cached. */
  trySlice(cluster: number, toChange = false): SliceLease | undefined {
    const block = this.tryBlockOffset(cluster) ?? 0;
    return block === 0 ? undefined : this.#tables.refcounts.tryAt(this.#place(cluster, block, toChange));
  }

  /** The slice of the refcount block that holds a cluster's refcount, or `undefined` without a block. */
  async slice(cluster: number, toChange = false): Promise<SliceLease | undefined> {
    const block = await this.blockOffset(cluster);
    return block === 0 ? undefined : this.#tables.refcounts.at(this.#place(cluster, block, toChange));
  }

  /** Where in the file the refcount of a cluster is, or the byte that holds it. */
  #place(cluster: number, block: number, toChange: boolean): number {
    if (toChange) this.#metadata.require(block, "refcount block");
    const { refcountsPerBlock, refcountBits } = this.#layout;
    return block + Math.floor(((cluster % refcountsPerBlock) * refcountBits) / 8);
  }

  /** Where the refcount block of a cluster is, 0 without one; `undefined` where that is not cached. */
  tryBlockOffset(cluster: number): number | undefined {
    const at = this.#entryAt(cluster);
    if (at === undefined) return 0;
    const lease = this.#tables.refcountTable.tryAt(at);
    return lease && this.#blockOffsetIn(lease, at);
  }

  /** Where the refcount block of a cluster is, 0 without one. @throws {@link Qcow2Error} `ERR_CORRUPT` */
  async blockOffset(cluster: number): Promise<number> {
    const at = this.#entryAt(cluster);
    return at === undefined ? 0 : this.#blockOffsetIn(await this.#tables.refcountTable.at(at), at);
  }

  /** Where in the file the refcount table has its entry for the block of a cluster, if it is that long. */
  #entryAt(cluster: number): number | undefined {
    const { clusterSize, refcountBlockBits } = this.#layout;
    const { refcountTableClusters, refcountTableOffset } = this.#header.current;
    const index = Math.floor(cluster / 2 ** refcountBlockBits);
    return index * 8 < refcountTableClusters * clusterSize ? refcountTableOffset + index * 8 : undefined;
  }

  /** What the entry of the refcount table at an offset says. Ends the lease. */
  #blockOffsetIn(lease: SliceLease, at: number): number {
    try {
      const position = this.#tables.refcountTable.position(at);
      const high = lease.value.view.getUint32(position);
      const low = lease.value.view.getUint32(position + 4);
      const rule = refcountTableEntryProblem(high, low, this.#layout.clusterSize, this.#file.size);
      if (rule === undefined) return refcountBlockOffset(high, low);
      const field = `refcount table entry ${(at - this.#header.current.refcountTableOffset) / 8}`;
      throw ruleError("ERR_CORRUPT", this.#file.name, field, entryText(high, low), `valid: it must ${rule}`);
    } finally {
      lease.release();
    }
  }
}
