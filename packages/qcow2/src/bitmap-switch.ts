import {
  bitmapDirectory,
  bitmapTableSize,
  encodeBitmapDirectory,
  placedEntries,
  withBitmapDirectory,
} from "./bitmap-directory.js";
import { type BitmapEntry } from "./bitmap-entry.js";
import { bitmapTable, chunkBytes, ONES, tableEntry } from "./bitmap-table.js";
import { viewOf } from "./bytes.js";
import { clearBitsFrom, type DirtyBits, orBytes } from "./dirty-bits.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { HeaderChange, LiveHeader } from "./live-header.js";
import type { NextRefcounts } from "./next-refcounts.js";
import { writeOffset } from "./table-entry.js";

/** A bitmap as the next state is to have it. */
export interface WantedBitmap {
  /** What the directory is to say of it; where its table is, and how long, follows from the rest. */
  readonly entry: BitmapEntry;
  /** Whether the image has it, so that its table and bits are taken over. */
  readonly exists: boolean;
  /** Whether its table stays as it is, whatever the size of the disk. */
  readonly inconsistent?: boolean | undefined;
  /** Bits to set in it. */
  readonly bits?: DirtyBits | undefined;
  /** Whether it may have bits set for what was of the disk before, behind its end. */
  readonly trim?: boolean | undefined;
}

/** What builds states with other bitmaps. */
export interface BitmapSwitchContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
}

/** Builds the state of an image with other bitmaps, or other bits in them, beside its present state. */
export class BitmapSwitch {
  readonly #its: BitmapSwitchContext;
  readonly #next: NextRefcounts;

  constructor(context: BitmapSwitchContext, next: NextRefcounts) {
    this.#its = context;
    this.#next = next;
  }

  /**
   * @param present the entries of the directory as it is
   * @returns what the header has to say, and the entries of the new directory
   */
  async build(
    present: readonly BitmapEntry[],
    wanted: readonly WantedBitmap[],
  ): Promise<{ readonly change: HeaderChange; readonly entries: BitmapEntry[] }> {
    const { file, header, layout } = this.#its;
    const { clusterSize } = layout;
    const old = bitmapDirectory(header.current, file.name);
    if (old) await this.#next.addRow(old.offset / clusterSize, Math.ceil(old.size / clusterSize), -1);
    for (const entry of present) {
      const stays = wanted.some(({ exists, entry: other }) => exists && other.tableOffset === entry.tableOffset);
      if (!stays) await this.#dropTable(entry, await bitmapTable(file, layout, entry), 0);
    }
    const entries: BitmapEntry[] = [];
    for (const bitmap of wanted) entries.push(await this.#place(bitmap));
    if (entries.length === 0) return { change: withBitmapDirectory(header.current, undefined), entries };
    const bytes = encodeBitmapDirectory(entries);
    const offset = (await this.#next.allocate(Math.ceil(bytes.byteLength / clusterSize))) * clusterSize;
    await file.writeData(bytes, offset);
    const place = { count: entries.length, offset, size: bytes.byteLength };
    return { change: withBitmapDirectory(header.current, place), entries: placedEntries(entries, offset) };
  }

  /** Puts a bitmap where it belongs: where it is, if nothing changes, and else into a new table. */
  async #place({ entry, exists, inconsistent = false, bits, trim = false }: WantedBitmap): Promise<BitmapEntry> {
    const { file, header, layout } = this.#its;
    const chunkBits = layout.clusterSize * 8;
    const tableSize = bitmapTableSize(header.current.size, entry.granularityBits, layout.clusterSize);
    if (inconsistent || (exists && !bits?.bytes && tableSize === entry.tableSize && !trim)) return entry;
    const table = exists ? await bitmapTable(file, layout, entry) : new DataView(new ArrayBuffer(0));
    const fresh = new Uint8Array(Math.ceil((tableSize * 8) / layout.clusterSize) * layout.clusterSize);
    const bitsOfDisk = Math.ceil(header.current.size / 2 ** entry.granularityBits);
    for (let index = 0; index < tableSize; index++) {
      const stored = index * 8 < table.byteLength ? tableEntry(table, index) : 0;
      const end = Math.min(chunkBits, bitsOfDisk - index * chunkBits);
      const added = bits?.chunk(index);
      const stays = stored === ONES || (!added && !(trim && stored !== 0 && end < chunkBits));
      writeChunk(viewOf(fresh), index, stays ? stored : await this.#placeChunk(stored, added, end));
    }
    if (exists) await this.#dropTable(entry, table, tableSize);
    const tableOffset = (await this.#next.allocate(fresh.byteLength / layout.clusterSize)) * layout.clusterSize;
    await file.writeData(fresh, tableOffset);
    return { ...entry, tableOffset, tableSize };
  }

  /** Writes the bits of a chunk to a place of their own; those from `end` on are of no part of the disk. */
  async #placeChunk(stored: number, added: Uint8Array | undefined, end: number): Promise<number> {
    const { file, layout } = this.#its;
    const bytes = await chunkBytes(file, layout, stored);
    if (added) orBytes(bytes, added);
    clearBitsFrom(bytes, end);
    if (stored > ONES) await this.#next.addRow(stored / layout.clusterSize, 1, -1);
    if (bytes.every((byte) => byte === 0)) return 0;
    const offset = (await this.#next.allocate(1)) * layout.clusterSize;
    await file.writeData(bytes, offset);
    return offset;
  }

  /** Refers no more to a table, nor to chunks from `from` on. */
  async #dropTable({ tableOffset, tableSize }: BitmapEntry, table: DataView, from: number): Promise<void> {
    const { clusterSize } = this.#its.layout;
    await this.#next.addRow(tableOffset / clusterSize, Math.ceil((tableSize * 8) / clusterSize), -1);
    for (let index = from; index * 8 < table.byteLength; index++) {
      const offset = tableEntry(table, index);
      if (offset > ONES) await this.#next.addRow(offset / clusterSize, 1, -1);
    }
  }
}

function writeChunk(view: DataView, index: number, chunk: number): void {
  if (chunk === ONES) view.setUint32(index * 8 + 4, ONES);
  else writeOffset(view, index * 8, chunk);
}
