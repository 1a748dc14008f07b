import type { Allocator } from "./allocator.js";
import type { FreedSpace } from "./freed-space.js";
import type { HostFile } from "./host-file.js";
import type { InflatedClusters } from "./inflated-clusters.js";
import type { Layout } from "./layout.js";
import type { HeaderChange, LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import { NextRefcounts } from "./next-refcounts.js";
import type { ClusterRange } from "./pending-frees.js";
import type { Refcounts } from "./refcounts.js";
import type { Tables } from "./tables.js";

/** What switching needs. */
export interface StateSwitchContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly refcounts: Refcounts;
  readonly allocator: Allocator;
  readonly metadata: MetadataRanges;
  readonly inflated: InflatedClusters;
  readonly space: FreedSpace;
}

/**
 * Takes an image from one state to another at once, whatever lies between them: the tables of the next state are
 * written beside those of the present one, with refcounts of their own, and one write of one sector shows all of them.
 * A COPIED flag and the refcount that it stands for could not both be right at every instant otherwise.
 */
export class StateSwitch {
  readonly #its: StateSwitchContext;

  constructor(context: StateSwitchContext) {
    this.#its = context;
  }

  /**
   * Builds the next state and switches to it. Where `build` fails, nothing has happened. The caller has made sure that
   * no request is under way, and that nothing is let go but not released.
   *
   * @param build counts all that changes, writes new tables to clusters that it allocates from `next`, and returns what
   *   the header is to say
   * @param order `refcount_order` of the next state; with another one nothing here can be used afterwards
   */
  run(
    build: (next: NextRefcounts) => Promise<HeaderChange>,
    order: number = this.#its.layout.refcountOrder,
  ): Promise<void> {
    const { file, header, tables, allocator, inflated, metadata } = this.#its;
    return allocator.rearrange(async (hint) => {
      await header.settle();
      await tables.sync();
      const next = await NextRefcounts.begin(this.#its, hint, order);
      try {
        const change = await build(next);
        const table = await next.finish();
        await file.sync();
        await header.update({ ...change, ...table, refcountOrder: order });
      } finally {
        next.end();
      }
      await tables.forget();
      inflated.forget();
      metadata.forget();
      // The switch has happened: nothing that fails from here on is to look as if it had not.
      if (order === this.#its.layout.refcountOrder) await this.#giveBack(next.freed).catch(() => undefined);
      return next.firstFreed;
    });
  }

  /** Gives the space of clusters back that are free by now, and durably so. */
  async #giveBack(freed: readonly ClusterRange[]): Promise<void> {
    const { refcounts, space } = this.#its;
    for (const range of freed) {
      const end = range.first + range.count;
      for (let at = range.first; at < end;) {
        const found = await refcounts.findFree(at, end - at);
        const count = Math.min(found.count, end - found.first);
        if (count > 0) await space.giveBackRow(found.first, count);
        at = count > 0 ? found.first + count : found.end;
      }
    }
  }

  /**
   * Lets `work` change tables in the file. Of what was known of them nothing is kept; the caller has made sure that all
   * of it was in the file, and that no request is under way.
   */
  async inFile<T>(work: () => Promise<T>): Promise<T> {
    const { tables, allocator, inflated, metadata } = this.#its;
    const { promise, resolve } = Promise.withResolvers<T>();
    await allocator.rearrange(async () => {
      try {
        resolve(await work());
      } finally {
        await tables.forget();
        inflated.forget();
        metadata.forget();
      }
      return 0;
    });
    return promise;
  }
}
