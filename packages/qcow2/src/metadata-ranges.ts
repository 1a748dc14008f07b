import { alignUp } from "./bytes.js";
import { encryptionArea, type FileRange } from "./encryption-area.js";
import { Qcow2Error } from "./errors.js";
import { INCOMPATIBLE } from "./features.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import { MetadataClusters, type MetadataKind } from "./metadata-clusters.js";

/**
 * Where metadata lies. Nothing else must ever be written there, whatever tables of an image say: an image in which a
 * write would do so is corrupt, is marked as such, and is not written to any more.
 */
export class MetadataRanges {
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  readonly #layout: Layout;
  /** It never moves. */
  readonly #encryption: FileRange | undefined;
  #clusters: MetadataClusters | undefined;
  #learning: Promise<void> | undefined;
  #violated = false;
  #marked = false;

  constructor(file: HostFile, header: LiveHeader, layout: Layout) {
    this.#file = file;
    this.#header = header;
    this.#layout = layout;
    this.#encryption = encryptionArea(header.current);
  }

  /** Whether more is known than what the header says. Without, only that is protected. */
  get isKnown(): boolean {
    return this.#clusters !== undefined;
  }

  /** Whether something would have been written over metadata. */
  get isViolated(): boolean {
    return this.#violated;
  }

  /** Reads the tables to know where they are. Whoever changes them waits for it. */
  learn(): Promise<void> {
    this.#learning ??= MetadataClusters.read(this.#file, this.#header.current, this.#layout)
      .then((clusters) => void (this.#clusters = clusters))
      .finally(() => (this.#learning = undefined));
    return this.#learning;
  }

  /** To be called where tables have changed otherwise than by `add` and `remove`: by a switch, or by a repair. */
  forget(): void {
    this.#clusters = undefined;
    this.#violated = this.#marked = (this.#header.current.features.incompatible & INCOMPATIBLE.corrupt) !== 0n;
  }

  /** A cluster has become metadata, which a table is about to show. */
  add(offset: number, kind: MetadataKind): void {
    this.#clusters?.set(offset / this.#layout.clusterSize, kind);
  }

  /** It is none any more. */
  remove(offset: number): void {
    this.#clusters?.delete(offset / this.#layout.clusterSize);
  }

  /**
   * Refuses a range of the file that is not free for data.
   *
   * @param why what makes it look free, for the message
   * @throws {@link Qcow2Error} `ERR_CORRUPT`
   */
  refuse(offset: number, length: number, why: string): void {
    const what = this.#headerRange(offset, length) ?? this.#clusterRange(offset, length);
    if (what !== undefined) throw this.#violation(`host clusters at ${offset} (${why}) overlap`, offset, what);
  }

  /**
   * Refuses to write to a table that is something else, too.
   *
   * @throws {@link Qcow2Error} `ERR_CORRUPT`
   */
  require(offset: number, kind: MetadataKind): void {
    const { clusterSize } = this.#layout;
    const found = this.#clusters?.get(offset / clusterSize);
    const other = found === undefined || found === kind ? this.#headerRange(offset, clusterSize) : found;
    if (other !== undefined) throw this.#violation(`the ${kind} at ${offset} overlaps`, offset, other);
  }

  /** @throws {@link Qcow2Error} `ERR_CORRUPT` where the image has been found corrupt */
  requireSound(): void {
    if (!this.#violated) return;
    const message = `${this.#file.name}: has been found corrupt, so it is not written to until it is repaired`;
    throw new Qcow2Error("ERR_CORRUPT", message, { field: "incompatible_features", rule: "not have the corrupt bit" });
  }

  /**
   * Marks the image as corrupt, durably, where it has been found so; version 2 has no such mark. Where that fails the
   * image refuses all the same, as long as it is open.
   */
  async mark(): Promise<void> {
    if (!this.#violated || this.#marked) return;
    this.#marked = true;
    const { version, features } = this.#header.current;
    if (version === 2) return;
    const incompatible = features.incompatible | INCOMPATIBLE.corrupt;
    // The refusal is what there is to tell.
    await this.#header.update({ features: { ...features, incompatible } }).catch(() => undefined);
  }

  #headerRange(offset: number, length: number): string | undefined {
    const { l1TableOffset, l1Size, refcountTableOffset, refcountTableClusters } = this.#header.current;
    const { clusterSize } = this.#layout;
    const encryption = this.#encryption;
    const end = offset + length;
    if (offset < clusterSize) return "header";
    // A table has all of its last cluster: what follows it there belongs to nobody.
    const l1End = l1TableOffset + alignUp(l1Size * 8, clusterSize);
    if (offset < l1End && l1TableOffset < end) return "L1 table";
    const refcountTableEnd = refcountTableOffset + refcountTableClusters * clusterSize;
    if (offset < refcountTableEnd && refcountTableOffset < end) return "refcount table";
    if (!encryption) return undefined;
    const encryptionEnd = encryption.offset + alignUp(encryption.length, clusterSize);
    return offset < encryptionEnd && encryption.offset < end ? "encryption header" : undefined;
  }

  #clusterRange(offset: number, length: number): MetadataKind | undefined {
    const { clusterSize } = this.#layout;
    const end = offset + length;
    for (let at = offset - (offset % clusterSize); at < end; at += clusterSize) {
      const kind = this.#clusters?.get(at / clusterSize);
      if (kind !== undefined) return kind;
    }
    return undefined;
  }

  #violation(what: string, offset: number, other: string): Qcow2Error {
    this.#violated = true;
    const named = other === "another table" ? other : `the ${other}`;
    const init = { field: "host offset", value: offset, rule: `free of ${named}` };
    return new Qcow2Error("ERR_CORRUPT", `${this.#file.name}: ${what} ${named}`, init);
  }
}
