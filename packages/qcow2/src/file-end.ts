import type { Allocator } from "./allocator.js";
import type { Durability } from "./durability.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { MetadataRanges } from "./metadata-ranges.js";
import type { Refcounts } from "./refcounts.js";
import type { Tables } from "./tables.js";

/** What shortening the file needs. */
export interface FileEndContext {
  readonly file: HostFile;
  readonly layout: Layout;
  readonly tables: Tables;
  readonly metadata: MetadataRanges;
  readonly refcounts: Refcounts;
  readonly allocator: Allocator;
  readonly durability: Durability;
}

/** The end of the file. */
export class FileEnd {
  readonly #its: FileEndContext;

  constructor(context: FileEndContext) {
    this.#its = context;
  }

  /**
   * Cuts off what the file has behind the last host cluster in use, and refcount blocks there that count but themselves.
   * The caller has made sure that no request is under way.
   */
  async cutOff(): Promise<void> {
    const { file, layout, tables, metadata, refcounts, allocator, durability } = this.#its;
    const { clusterSize } = layout;
    if (!file.backend.capabilities.truncate) return;
    // What has been let go is released, and that is durable: nothing in the file counts what is not there any more.
    await durability.writeOut();
    await allocator.rearrange(async (hint) => {
      let end = await refcounts.usedEnd(Math.ceil(file.size / clusterSize));
      while (await refcounts.dropLoneBlock(end - 1)) end = await refcounts.usedEnd(end - 1);
      const length = file.size - end * clusterSize;
      if (length > 0) {
        metadata.refuse(end * clusterSize, length, "refcount 0");
        await tables.refcountTable.sync();
        await file.truncate(end * clusterSize);
      }
      return Math.min(hint, end);
    });
  }
}
