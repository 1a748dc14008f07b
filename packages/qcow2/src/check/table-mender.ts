import { viewOf } from "../bytes.js";
import type { HostFile } from "../host-file.js";
import type { ReportBuilder } from "./report.js";

/**
 * What is put right in L1 and L2 tables:
 *
 * - `zeroes`: zero clusters lose a host cluster that lies where none can;
 * - `flags`: COPIED flags are set where the refcount is one, and nowhere else.
 */
export type MendedPart = "zeroes" | "flags";

/** Puts entries of L1 and L2 tables right. */
export class TableMender {
  readonly file: HostFile;
  readonly what: MendedPart;
  readonly #clusterSize: number;
  readonly #metadata: ReadonlySet<number>;
  /** How many entries have been wrong. */
  fixed = 0;

  /** @param metadata clusters of metadata that is found without looking into an L1 table */
  constructor(file: HostFile, what: MendedPart, clusterSize: number, metadata: ReadonlySet<number>) {
    this.file = file;
    this.what = what;
    this.#clusterSize = clusterSize;
    this.#metadata = metadata;
  }

  /** Begins with a part of an L1 table. */
  editL1(bytes: Uint8Array, offset: number): TableEdit {
    return new TableEdit(this, bytes, offset, true);
  }

  /** Begins with an L2 table. What is something else, too, is left as it is. */
  editL2(bytes: Uint8Array, offset: number): TableEdit {
    return new TableEdit(this, bytes, offset, !this.#metadata.has(offset / this.#clusterSize));
  }
}

/** A table that is being put right. */
export class TableEdit {
  readonly #mender: TableMender;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #isOurs: boolean;
  #changes = 0;
  #begin = Infinity;
  #end = 0;

  constructor(mender: TableMender, bytes: Uint8Array, offset: number, isOurs: boolean) {
    this.#mender = mender;
    this.#view = viewOf(bytes);
    this.#bytes = bytes;
    this.#offset = offset;
    this.#isOurs = isOurs;
  }

  /**
   * Takes the host cluster away from an entry, which goes on reading as zeroes: by its flag, or where entries are
   * extended, by its bitmap. Returns whether that is to be done.
   */
  zero(position: number, isExtended: boolean): boolean {
    return this.#mender.what === "zeroes" && this.#set(position, 0, isExtended ? 0 : 1);
  }

  /** Sets or clears the COPIED flag of an entry. Returns whether that is to be done. */
  copied(position: number, flag: boolean): boolean {
    if (this.#mender.what !== "flags") return false;
    const high = this.#view.getUint32(position) & 0x7fffffff;
    return this.#set(position, flag ? (high | 0x80000000) >>> 0 : high, this.#view.getUint32(position + 4));
  }

  /** Writes what has changed. */
  async save(report: ReportBuilder): Promise<void> {
    if (this.#changes === 0) return;
    if (!this.#isOurs) {
      report.error(() => `table at ${this.#offset} cannot be repaired: it is other metadata, too`);
      return;
    }
    await this.#mender.file.writeData(this.#bytes.subarray(this.#begin, this.#end), this.#offset + this.#begin);
    this.#mender.fixed += this.#changes;
  }

  #set(position: number, high: number, low: number): boolean {
    this.#view.setUint32(position, high);
    this.#view.setUint32(position + 4, low);
    this.#changes++;
    this.#begin = Math.min(this.#begin, position);
    this.#end = Math.max(this.#end, position + 8);
    return true;
  }
}
