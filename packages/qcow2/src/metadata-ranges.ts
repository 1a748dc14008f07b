import { encryptionArea, type FileRange } from "./encryption-area.js";
import { Qcow2Error } from "./errors.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";

/** Where the header says that metadata lies. Guest data must never be written there, whatever tables of an image say. */
export class MetadataRanges {
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  readonly #where: string;
  /** It never moves. */
  readonly #encryption: FileRange | undefined;

  constructor(header: LiveHeader, layout: Layout, where: string) {
    this.#header = header;
    this.#layout = layout;
    this.#where = where;
    this.#encryption = encryptionArea(header.current);
  }

  /**
   * Refuses a range of the file that is not free for data.
   *
   * @param why what makes it look free, for the message
   * @throws {@link Qcow2Error} `ERR_CORRUPT`
   */
  refuse(offset: number, length: number, why: string): void {
    const { l1TableOffset, l1Size, refcountTableOffset, refcountTableClusters } = this.#header.current;
    const { clusterSize } = this.#layout;
    const encryption = this.#encryption;
    const end = offset + length;
    let what: string | undefined;
    if (offset < clusterSize) what = "header";
    else if (offset < l1TableOffset + l1Size * 8 && l1TableOffset < end) what = "L1 table";
    else if (offset < refcountTableOffset + refcountTableClusters * clusterSize && refcountTableOffset < end) {
      what = "refcount table";
    } else if (encryption && offset < encryption.offset + encryption.length && encryption.offset < end) {
      what = "encryption header";
    }
    if (what === undefined) return;
    const rule = `free of the ${what}`;
    const message = `${this.#where}: host clusters at ${offset} (${why}) overlap the ${what}`;
    throw new Qcow2Error("ERR_CORRUPT", message, { field: "host offset", value: offset, rule });
  }
}
