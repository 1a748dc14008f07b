import type { Backend } from "@instar/backend";
import { TableSlices } from "@instar/image-format";

import { ruleError } from "./rule-error.js";
import type { VdiHeader } from "./header.js";

/** Guest bytes that are stored in one place, or nowhere. */
export type Run =
  | { readonly kind: "data"; readonly length: number; readonly fileOffset: number }
  | { readonly kind: "hole" | "zero"; readonly length: number };

/** Never allocated. */
const UNALLOCATED = 0xffffffff;
/** Was let go: reads as zeroes. */
const DISCARDED = 0xfffffffe;

/** Finds guest blocks in the file. */
export class BlockMap {
  readonly #file: Backend;
  readonly #header: VdiHeader;
  readonly #tables: TableSlices;

  constructor(file: Backend, header: VdiHeader, cacheBytes: number) {
    this.#file = file;
    this.#header = header;
    this.#tables = new TableSlices("vdi", file, cacheBytes);
  }

  /**
   * The run that begins at a guest offset and ends at `end` at the latest: blocks that lie side by side are one.
   *
   * @throws {@link ImageError} `ERR_CORRUPT` for an entry that cannot be, `ERR_TRUNCATED` where the file ends before
   */
  run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    const { blockSize, blockMapOffset } = this.#header;
    const first = Math.floor(offset / blockSize);
    return this.#tables.use(blockMapOffset + first * 4, 4, signal, (slice, position) => {
      const entry = slice.getUint32(position, true);
      const stored = entry < DISCARDED;
      const inSlice = Math.min(Math.ceil(end / blockSize) - first, Math.floor((slice.byteLength - position) / 4));
      const most = stored ? Math.min(inSlice, this.#header.blocks - entry) : inSlice;
      const follows = (count: number): boolean =>
        slice.getUint32(position + count * 4, true) === (stored ? entry + count : entry);
      let count = 1;
      while (count < most && follows(count)) count++;
      const length = Math.min(end, (first + count) * blockSize) - offset;
      if (!stored) return { kind: entry === UNALLOCATED ? "hole" : "zero", length };
      return this.#stored(first, entry, offset - first * blockSize, length);
    });
  }

  #stored(block: number, entry: number, inBlock: number, length: number): Run {
    const { blocks, blockSize, dataOffset } = this.#header;
    const { name, size } = this.#file;
    if (entry >= blocks) {
      throw ruleError(
        "ERR_CORRUPT",
        name,
        `block map entry ${block}`,
        entry,
        `be less than ${blocks}, the number of blocks`,
      );
    }
    const fileOffset = dataOffset + entry * blockSize + inBlock;
    // What is there can be read; the next run is the one that fails.
    const present = Math.min(length, size - fileOffset);
    if (present > 0) return { kind: "data", length: present, fileOffset };
    const rule = `be more than ${fileOffset}, where block ${block} of the disk is stored`;
    throw ruleError("ERR_TRUNCATED", name, "size of the file", size, rule);
  }
}
