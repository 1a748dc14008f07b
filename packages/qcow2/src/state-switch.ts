import type { Allocator } from "./allocator.js";
import type { HostFile } from "./host-file.js";
import type { InflatedClusters } from "./inflated-clusters.js";
import type { Layout } from "./layout.js";
import type { HeaderChange, LiveHeader } from "./live-header.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import { NextRefcounts } from "./next-refcounts.js";
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
      return next.firstFreed;
    });
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
