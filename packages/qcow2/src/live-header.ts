import { Mutex } from "async-mutex";

import { AUTOCLEAR, isDataFileRaw } from "./features.js";
import type { Qcow2Header } from "./header.js";
import { encodeHeaderFields } from "./header-encode.js";
import { extensionsLength } from "./header-extensions.js";
import { headerSteps } from "./header-steps.js";
import type { HostFile } from "./host-file.js";

/** What of a header changes while an image is open. */
export type HeaderChange = Partial<
  Pick<
    Qcow2Header,
    | "size"
    | "l1Size"
    | "l1TableOffset"
    | "refcountTableOffset"
    | "refcountTableClusters"
    | "snapshotCount"
    | "snapshotsOffset"
    | "features"
  >
>;

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

  /** Writes a change and makes it durable. What it points to must be durable already. */
  update(change: HeaderChange): Promise<void> {
    return this.#lock.runExclusive(() => this.#switchTo({ ...this.#current, ...change }));
  }

  /**
   * Writes a change of anything in the header cluster, extensions and names too, and makes it durable. Cut the power at
   * any moment, and the header is the old one or the new one; see {@link headerSteps}.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when it does not fit into the header cluster; nothing has happened
   */
  rewrite(change: Partial<Qcow2Header>): Promise<void> {
    return this.#lock.runExclusive(() => this.#rewriteTo({ ...this.#current, ...change }));
  }

  /** Whether the image has no autoclear features but those whose promise is kept here. */
  get isPrepared(): boolean {
    return this.#current.features.autoclear === keptAutoclear(this.#current);
  }

  /** Clears the other autoclear features, before the first change of the image. */
  clearAutoclear(): Promise<void> {
    return this.#lock.runExclusive(async () => {
      if (this.isPrepared) return;
      const features = { ...this.#current.features, autoclear: keptAutoclear(this.#current) };
      await this.#switchTo({ ...this.#current, features });
    });
  }

  /**
   * After an update that failed nobody knows which header is in the file. Writes the current one again: nothing may
   * be built upon either before that.
   */
  async settle(): Promise<void> {
    if (this.#inDoubt === "nothing") return;
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

/** The autoclear features of a header whose promise is kept here. */
function keptAutoclear(header: Qcow2Header): bigint {
  return isDataFileRaw(header) ? AUTOCLEAR.rawExternalData : 0n;
}
