import { Mutex } from "async-mutex";

import type { Qcow2Header } from "./header.js";
import { encodeHeaderFields } from "./header-encode.js";
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
  #inDoubt = false;

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

  /** Clears the autoclear features before the first change of the image: nobody here keeps what they promise. */
  clearAutoclear(): Promise<void> {
    return this.#lock.runExclusive(async () => {
      const { features } = this.#current;
      if (features.autoclear === 0n) return;
      await this.#switchTo({ ...this.#current, features: { ...features, autoclear: 0n } });
    });
  }

  /**
   * After an update that failed nobody knows which header is in the file. Writes the current one again: nothing may
   * be built upon either before that.
   */
  async settle(): Promise<void> {
    if (!this.#inDoubt) return;
    await this.#lock.runExclusive(async () => {
      if (!this.#inDoubt) return;
      await this.#write(this.#current);
      this.#inDoubt = false;
    });
  }

  async #switchTo(next: Qcow2Header): Promise<void> {
    this.#inDoubt = true;
    await this.#write(next);
    this.#current = next;
    this.#inDoubt = false;
  }

  async #write(header: Qcow2Header): Promise<void> {
    await this.#file.write(encodeHeaderFields(header), 0);
    await this.#file.sync();
  }
}
