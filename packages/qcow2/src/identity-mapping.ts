import type { L2Tables } from "./l2-tables.js";
import type { Layout } from "./layout.js";
import type { GuestMap } from "./mapping.js";
import type { Tables } from "./tables.js";

/** What mapping clusters to themselves needs. */
export interface IdentityMappingContext {
  readonly layout: Layout;
  readonly tables: Tables;
  readonly l2Tables: L2Tables;
  readonly map: GuestMap;
}

/**
 * Makes the L2 tables of an image with a raw data file show all of it, so that whoever looks at the file and whoever
 * looks at the image see the same, also after somebody else has written to the file. Nobody else uses the clusters.
 */
export class IdentityMapping {
  readonly #its: IdentityMappingContext;

  constructor(context: IdentityMappingContext) {
    this.#its = context;
  }

  /** Maps the clusters that hold guest bytes from `begin` to `end` and are not mapped in any way. */
  async map(begin: number, end: number): Promise<void> {
    const { layout, map } = this.#its;
    const { clusterSize } = layout;
    for (let at = begin - (begin % clusterSize); at < end;) {
      const stop = Math.min(Math.ceil(end / clusterSize) * clusterSize, nextMultiple(at, map.sliceCoverage));
      await this.#mapInSlice(at, stop);
      at = stop;
    }
  }

  async #mapInSlice(begin: number, end: number): Promise<void> {
    const { layout, tables, l2Tables, map } = this.#its;
    const { l2, clusterSize, l2Coverage } = layout;
    const table = await l2Tables.writable(Math.floor(begin / l2Coverage));
    const first = map.entryAt(table, begin);
    await tables.orderL2();
    const lease = tables.l2.tryAt(first) ?? (await tables.l2.at(first));
    const { view } = lease.value;
    for (let at = begin, position = tables.l2.position(first); at < end; at += clusterSize, position += l2.entrySize) {
      if (!l2.isEmpty(view, position)) continue;
      l2.write(view, position, {
        compressed: false,
        copied: true,
        hostOffset: at,
        compressedLength: 0,
        stored: l2.all,
        zero: 0,
      });
    }
    lease.markDirty();
    lease.release();
  }
}

function nextMultiple(at: number, step: number): number {
  return (Math.floor(at / step) + 1) * step;
}
