import type { Backend } from "@instar/backend";
import { TableSlices } from "@instar/image-format";

import { SECTOR } from "./bytes.js";
import { ruleError } from "./rule-error.js";
import type { DiskExtent, Run } from "./extent.js";
import type { SparseHeader } from "./sparse-header.js";

/** The grain table entry of a grain of zeroes, where the header allows it. */
const ZEROED = 1;

/** An extent in grains, which a directory of tables finds in the file. */
export class SparseExtent implements DiskExtent {
  readonly file: Backend;
  readonly flat = false;
  readonly #header: SparseHeader;
  readonly #tables: TableSlices;

  constructor(file: Backend, header: SparseHeader, cacheBytes: number) {
    this.file = file;
    this.#header = header;
    this.#tables = new TableSlices("vmdk", file, cacheBytes);
  }

  get size(): number {
    return this.#header.capacity;
  }

  get grainSize(): number {
    return this.#header.grainSize;
  }

  get compressed(): boolean {
    return this.#header.compressed;
  }

  /**
   * The run that begins at an offset and ends at `end` at the latest.
   *
   * @throws {@link ImageError} `ERR_TRUNCATED` where the file ends before
   */
  async run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    const { grainSize, tableEntries, directoryOffset } = this.#header;
    const coverage = grainSize * tableEntries;
    const index = Math.floor(offset / coverage);
    const entries = Math.ceil(end / coverage) - index;
    const { table, absent } = await this.#tables.use(directoryOffset + index * 4, 4, signal, (slice, position) => {
      const most = Math.min(entries, Math.floor((slice.byteLength - position) / 4));
      let count = 0;
      while (count < most && slice.getUint32(position + count * 4, true) === 0) count++;
      return { table: slice.getUint32(position, true), absent: count };
    });
    if (table === 0) return { kind: "absent", length: Math.min(end, (index + absent) * coverage) - offset };
    return this.#inTable(table * SECTOR, offset, Math.min(end, (index + 1) * coverage), signal);
  }

  #inTable(table: number, offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    const { grainSize, tableEntries, zeroedGrains, compressed } = this.#header;
    const grain = Math.floor(offset / grainSize);
    const entries = Math.ceil(end / grainSize) - grain;
    const inGrain = offset - grain * grainSize;
    return this.#tables.use(table + (grain % tableEntries) * 4, 4, signal, (slice, position) => {
      const entry = slice.getUint32(position, true);
      const zeroed = zeroedGrains && entry === ZEROED;
      const stored = entry !== 0 && !zeroed;
      const step = stored ? grainSize / SECTOR : 0;
      const most = stored && compressed ? 1 : Math.min(entries, Math.floor((slice.byteLength - position) / 4));
      let count = 1;
      while (count < most && slice.getUint32(position + count * 4, true) === entry + count * step) count++;
      const length = Math.min(end, (grain + count) * grainSize) - offset;
      if (!stored) return { kind: zeroed ? "zero" : "absent", length };
      const fileOffset = entry * SECTOR;
      if (!compressed) return this.#stored(fileOffset + inGrain, length);
      return { kind: "compressed", length, grain: { file: this.file, fileOffset, size: grainSize }, inGrain };
    });
  }

  #stored(fileOffset: number, length: number): Run {
    const { file } = this;
    // What is there can be read; the next run is the one that fails.
    const present = Math.min(length, file.size - fileOffset);
    if (present > 0) return { kind: "data", length: present, file, fileOffset };
    const rule = `be more than ${fileOffset}, where a grain is stored`;
    throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
  }
}
