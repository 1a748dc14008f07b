import { Mutex } from "async-mutex";

import { AUTOCLEAR, isDataFileRaw } from "./features.js";
import type { Qcow2Header } from "./header.js";
import { encodeHeaderFields } from "./header-encode.js";
import { extensionsLength } from "./header-extensions.js";
import { headerSteps } from "./header-steps.js";
import type { HostFile } from "./host-file.js";

/** What of a header changes while an image is open. */
export type HeaderChange = Partial<Omit<Qcow2Header, "clusterBits" | "backingFileOffset">>;

/**
 * The header of an open image. All its fields lie in one sector, so that writing it switches from one state of the
 * image to the next at once.
 */
export class LiveHeader {
  readonly #file: HostFile;
  readonly #lock = new Mutex();
  #current: Qcow2Header;
  /** What of the header in the file may not be the current one. */
  #inDoubt: "nothing" | "fields" | "cluster" = "nothing";

  constructor(file: HostFile, header: Qcow2Header) {
    this.#file = file;
    this.#current = header;
  }

  /** The header as everybody here knows it. */
  get current(): Qcow2Header {
    return this.#current;
  }

  /**
   * Writes a change and makes it durable. What it points to must be durable already. Cut the power at any moment, and
   * the header is the old one or the new one: fields lie in one sector, and for the rest see {@link headerSteps}.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when it does not fit into the header cluster; nothing has happened
   */
  update(change: HeaderChange): Promise<void> {
    return this.#lock.runExclusive(async () => {
      const next = { ...this.#current, ...change };
      const { extensions, backingFileName, headerLength } = this.#current;
      const isInPlace = next.extensions === extensions && next.headerLength === headerLength;
      if (isInPlace && next.backingFileName === backingFileName) await this.#switchTo(next);
      else await this.#rewriteTo(next);
    });
  }

  /** Whether no autoclear feature asks for anything before the first change of the image. */
  get isPrepared(): boolean {
    return this.#current.features.autoclear === keptAutoclear(this.#current);
  }

  /**
   * Clears autoclear features before the first change of the image.
   *
   * @param kept those whose promise is kept, besides those that are always kept here
   */
  clearAutoclear(kept: bigint): Promise<void> {
    return this.#lock.runExclusive(async () => {
      const { features } = this.#current;
      const autoclear = features.autoclear & (kept | keptAutoclear(this.#current));
      if (autoclear === features.autoclear) return;
      await this.#switchTo({ ...this.#current, features: { ...features, autoclear } });
    });
  }

  /** Whether the header in the file is the current one. */
  get isSettled(): boolean {
    return this.#inDoubt === "nothing";
  }

  /**
   * After an update that failed nobody knows which header is in the file. Writes the current one again: nothing may
   * be built upon either before that.
   */
  async settle(): Promise<void> {
    if (this.isSettled) return;
    await this.#lock.runExclusive(async () => {
      if (this.#inDoubt === "cluster") await this.#rewriteTo(this.#current);
      else if (this.#inDoubt === "fields") await this.#switchTo(this.#current);
    });
  }

  async #switchTo(next: Qcow2Header): Promise<void> {
    if (this.#inDoubt === "cluster") return this.#rewriteTo(next);
    this.#inDoubt = "fields";
    await this.#file.write(encodeHeaderFields(next), 0);
    await this.#file.sync();
    this.#current = next;
    this.#inDoubt = "nothing";
  }

  async #rewriteTo(next: Qcow2Header): Promise<void> {
    const present = new Uint8Array(2 ** next.clusterBits);
    await this.#file.read(present, 0);
    const steps = headerSteps(present, next, this.#file.name);
    this.#inDoubt = "cluster";
    for (const { offset, bytes } of steps) {
      await this.#file.write(bytes, offset);
      await this.#file.sync();
    }
    const nameOffset = next.headerLength + extensionsLength(next.extensions);
    this.#current = { ...next, backingFileOffset: next.backingFileName.byteLength === 0 ? 0 : nameOffset };
    this.#inDoubt = "nothing";
  }
}

/** The autoclear features of a header whose promise is always kept here. */
function keptAutoclear(header: Qcow2Header): bigint {
  return isDataFileRaw(header) ? AUTOCLEAR.rawExternalData : 0n;
}
