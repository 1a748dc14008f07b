import type { Backend } from "@instar/backend";
import { TableSlices } from "@instar/image-format";

import type { DynamicHeader } from "./dynamic-header.js";
import { ruleError } from "./rule-error.js";

/** Guest bytes that are stored in one place, or not in this image. */
export type Run =
  | { readonly kind: "data"; readonly length: number; readonly fileOffset: number }
  | { readonly kind: "absent"; readonly length: number };

const SECTOR = 512;
const UNUSED = 0xffffffff;

/** Finds guest blocks of a dynamic or differencing image in the file. */
export class BlockMap {
  readonly #file: Backend;
  readonly #header: DynamicHeader;
  readonly #bySector: boolean;
  readonly #tables: TableSlices;

  /** @param bySector whether sector bitmaps tell what of a block is in this image; else all of it is, as in QEMU */
  constructor(file: Backend, header: DynamicHeader, bySector: boolean, cacheBytes: number) {
    this.#file = file;
    this.#header = header;
    this.#bySector = bySector;
    this.#tables = new TableSlices("vhd", file, cacheBytes);
  }

  /**
   * The run that begins at a guest offset and ends at `end` at the latest.
   *
   * @throws {@link ImageError} `ERR_TRUNCATED` where the file ends before
   */
  async run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    const { blockSize, tableOffset } = this.#header;
    const block = Math.floor(offset / blockSize);
    const most = Math.ceil(end / blockSize) - block;
    const { entry, count } = await this.#tables.use(tableOffset + block * 4, 4, signal, (slice, position) => {
      const first = slice.getUint32(position);
      const inSlice = Math.floor((slice.byteLength - position) / 4);
      let unused = 0;
      while (unused < most && unused < inSlice && slice.getUint32(position + unused * 4) === UNUSED) unused++;
      return { entry: first, count: Math.max(1, unused) };
    });
    const length = Math.min(end, (block + count) * blockSize) - offset;
    if (entry === UNUSED) return { kind: "absent", length };
    if (!this.#bySector) return this.#stored(block, entry, offset, length);
    const { present, sectors } = await this.#sectors(block, entry, offset, signal);
    const alike = Math.min(length, sectors * SECTOR - (offset % SECTOR));
    return present ? this.#stored(block, entry, offset, alike) : { kind: "absent", length: alike };
  }

  #stored(block: number, entry: number, offset: number, length: number): Run {
    const { blockSize, bitmapSize } = this.#header;
    const { name, size } = this.#file;
    const fileOffset = entry * SECTOR + bitmapSize + (offset - block * blockSize);
    // What is there can be read; the next run is the one that fails.
    const present = Math.min(length, size - fileOffset);
    if (present > 0) return { kind: "data", length: present, fileOffset };
    const rule = `be more than ${fileOffset}, where block ${block} of the disk is stored`;
    throw ruleError("ERR_TRUNCATED", name, "size of the file", size, rule);
  }

  /** How many sectors from `offset` on are alike in the bitmap, whose first bit is the highest one of its first byte. */
  #sectors(
    block: number,
    entry: number,
    offset: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly present: boolean; readonly sectors: number }> {
    const { blockSize } = this.#header;
    const first = Math.floor((offset - block * blockSize) / SECTOR);
    const inBlock = blockSize / SECTOR - first;
    const byte = Math.floor(first / 8);
    return this.#tables.use(entry * SECTOR + byte, 1, signal, (slice, position) => {
      const bit = (sector: number): boolean =>
        ((slice.getUint8(position + Math.floor(sector / 8) - byte) >> (7 - (sector % 8))) & 1) === 1;
      const most = Math.min(inBlock, (slice.byteLength - position) * 8 - (first % 8));
      const present = bit(first);
      let sectors = 1;
      while (sectors < most && bit(first + sectors) === present) sectors++;
      return { present, sectors };
    });
  }
}
