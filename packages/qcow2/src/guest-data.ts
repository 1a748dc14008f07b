import type { DirectWrites } from "@instar/lru-cache";

import type { HostFile } from "./host-file.js";

/** The content of the guest's normal clusters, as the file that stores it holds it. */
export class GuestData {
  readonly #file: HostFile;

  /** @param file where the clusters are stored */
  constructor(file: HostFile) {
    this.#file = file;
  }

  /** What must be durable before an L2 entry shows it. */
  get writes(): DirectWrites {
    return this.#file.data;
  }

  /**
   * Fills `target`.
   *
   * @param hostOffset where the first byte is stored
   * @param guestOffset where the guest sees it
   */
  read(target: Uint8Array, hostOffset: number, _guestOffset: number, signal?: AbortSignal): Promise<void> {
    return this.#file.read(target, hostOffset, signal);
  }

  /** Writes `source`; the offsets are those of its first byte. */
  write(source: Uint8Array, hostOffset: number, _guestOffset: number): Promise<void> {
    return this.#file.writeData(source, hostOffset);
  }

  /** Makes durable what has been written. */
  sync(): Promise<void> {
    return this.#file.sync();
  }
}
