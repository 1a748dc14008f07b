import type { Backend } from "@instar/backend";
import { TableSlices } from "@instar/image-format";

import { MIB } from "./bytes.js";
import { ruleError } from "./rule-error.js";
import type { Metadata } from "./metadata.js";
import type { Region } from "./regions.js";

/** Guest bytes that are stored in one place, or not in this image. */
export type Run =
  | { readonly kind: "data"; readonly length: number; readonly fileOffset: number }
  | { readonly kind: "absent" | "zero"; readonly length: number };

/** States of a block in its entry. */
const ABSENT = 0;
const ZEROES: readonly number[] = [1, 2, 3, 5];
const PRESENT = 6;
const PARTIAL = 7;
/** Sectors that one sector bitmap, a block of 1 MiB, tells of. */
const CHUNK_SECTORS = 2 ** 23;
const ENTRY = 8;
const HIGH_UNIT = 2 ** 12;

/** Finds guest blocks in the file. */
export class BlockMap {
  readonly #file: Backend;
  readonly #table: Region;
  readonly #metadata: Metadata;
  /** Blocks of which the table has entries side by side; then comes the entry of their sector bitmap. */
  readonly #chunk: number;
  readonly #tables: TableSlices;

  /** @throws {@link ImageError} `ERR_INVALID_HEADER`, `ERR_TRUNCATED` for a table that is too small for the disk */
  constructor(file: Backend, table: Region, metadata: Metadata, cacheBytes: number) {
    const { size, blockSize, logicalSectorSize, parent } = metadata;
    this.#file = file;
    this.#table = table;
    this.#metadata = metadata;
    this.#chunk = (CHUNK_SECTORS * logicalSectorSize) / blockSize;
    this.#tables = new TableSlices("vhdx", file, cacheBytes);
    const blocks = Math.ceil(size / blockSize);
    const chunks = Math.ceil(blocks / this.#chunk);
    const entries = parent ? chunks * (this.#chunk + 1) : blocks + Math.max(0, chunks - 1);
    const needed = entries * ENTRY;
    if (table.length < needed) {
      const rule = `be ${needed} at least, for ${blocks} blocks of ${blockSize} bytes`;
      throw ruleError("ERR_INVALID_HEADER", file.name, "length of the block allocation table", table.length, rule);
    }
    if (table.offset + needed > file.size) {
      const rule = `be ${table.offset + needed} at least, where the block allocation table ends`;
      throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
    }
  }

  /**
   * The run that begins at a guest offset and ends at `end` at the latest: blocks that lie side by side are one.
   *
   * @throws {@link ImageError} `ERR_CORRUPT` for an entry that cannot be, `ERR_TRUNCATED` where the file ends before
   */
  async run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    const { blockSize } = this.#metadata;
    const block = Math.floor(offset / blockSize);
    const chunk = Math.floor(block / this.#chunk);
    const wanted = Math.min(Math.ceil(end / blockSize), (chunk + 1) * this.#chunk) - block;
    const at = this.#table.offset + (block + chunk) * ENTRY;
    const { state, place, count } = await this.#tables.use(at, ENTRY, signal, (slice, position) => {
      const first = entryAt(slice, position);
      const step = first.state === PRESENT ? blockSize : 0;
      const follows = (index: number): boolean => {
        const entry = entryAt(slice, position + index * ENTRY);
        return entry.state === first.state && (step === 0 || entry.place === first.place + index * step);
      };
      const inSlice = Math.floor((slice.byteLength - position) / ENTRY);
      const most = first.state === PARTIAL ? 1 : Math.min(wanted, inSlice);
      let alike = 1;
      while (alike < most && follows(alike)) alike++;
      return { ...first, count: alike };
    });
    const length = Math.min(end, (block + count) * blockSize) - offset;
    if (state === ABSENT) return { kind: "absent", length };
    if (ZEROES.includes(state)) return { kind: "zero", length };
    if (state === PRESENT) return this.#stored(block, place, offset, length);
    if (state === PARTIAL && this.#metadata.parent) return this.#partial(block, place, offset, end, signal);
    const rule = "be 0, 1, 2, 3, 5 or 6, or 7 in a differencing image";
    throw ruleError("ERR_CORRUPT", this.#file.name, `state of block ${block}`, state, rule);
  }

  #stored(block: number, place: number, offset: number, length: number): Run {
    const { name, size } = this.#file;
    const fileOffset = place + (offset - block * this.#metadata.blockSize);
    if (place < MIB) {
      throw ruleError("ERR_CORRUPT", name, `place of block ${block}`, place, `be ${MIB} at least, behind the headers`);
    }
    // What is there can be read; the next run is the one that fails.
    const present = Math.min(length, size - fileOffset);
    if (present > 0) return { kind: "data", length: present, fileOffset };
    const rule = `be more than ${fileOffset}, where block ${block} of the disk is stored`;
    throw ruleError("ERR_TRUNCATED", name, "size of the file", size, rule);
  }

  /** Of a block that is only partly here, the sector bitmap of its chunk tells which sectors are. */
  async #partial(
    block: number,
    place: number,
    offset: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<Run> {
    const { blockSize, logicalSectorSize } = this.#metadata;
    const chunk = Math.floor(block / this.#chunk);
    const at = this.#table.offset + (chunk * (this.#chunk + 1) + this.#chunk) * ENTRY;
    const bitmap = await this.#tables.use(at, ENTRY, signal, entryAt);
    if (bitmap.state !== PRESENT) {
      const rule = `be ${PRESENT}: block ${block} is only partly there`;
      throw ruleError("ERR_CORRUPT", this.#file.name, `state of sector bitmap ${chunk}`, bitmap.state, rule);
    }
    const first = Math.floor(offset / logicalSectorSize) - chunk * CHUNK_SECTORS;
    const inBlock = Math.ceil(((block + 1) * blockSize - offset) / logicalSectorSize);
    const byte = Math.floor(first / 8);
    const found = await this.#tables.use(bitmap.place + byte, 1, signal, (slice, position) => {
      const bit = (sector: number): boolean =>
        ((slice.getUint8(position + Math.floor(sector / 8) - byte) >> (sector % 8)) & 1) === 1;
      const most = Math.min(inBlock, (slice.byteLength - position) * 8 - (first % 8));
      const present = bit(first);
      let sectors = 1;
      while (sectors < most && bit(first + sectors) === present) sectors++;
      return { present, sectors };
    });
    const length = Math.min(end - offset, found.sectors * logicalSectorSize - (offset % logicalSectorSize));
    return found.present ? this.#stored(block, place, offset, length) : { kind: "absent", length };
  }
}

/** State and file offset of an entry; the offset is inexact, and far behind the end of every file, beyond 2^53. */
function entryAt(slice: DataView, position: number): { readonly state: number; readonly place: number } {
  const low = slice.getUint32(position, true);
  const high = slice.getUint32(position + 4, true);
  return { state: low & 7, place: (high * HIGH_UNIT + (low >>> 20)) * MIB };
}
