import type { DirectWrites } from "@instar/lru-cache";

import type { HostFile } from "./host-file.js";
import type { MetadataRanges } from "./metadata-ranges.js";

/** The content of the guest's normal clusters, as the file that stores it holds it. */
export interface GuestData {
  /** The name of the file that stores it. */
  readonly name: string;
  /** Where in that file a cluster must begin before. */
  readonly end: number;
  /** What must be durable before an L2 entry shows it. */
  readonly writes: DirectWrites;
  /** Whether bytes that were never written read as zeroes, as those of a file do. */
  readonly blankIsZero: boolean;
  /** Why clusters cannot be stored compressed, completing the sentence "the image has …"; absent where they can. */
  readonly uncompressible?: string;

  /**
   * Fills `target`.
   *
   * @param hostOffset where the first byte is stored
   * @param guestOffset where the guest sees it
   */
  read(target: Uint8Array, hostOffset: number, guestOffset: number, signal?: AbortSignal): Promise<void>;

  /** Writes `source`; the offsets are those of its first byte. */
  write(source: Uint8Array, hostOffset: number, guestOffset: number): Promise<void>;

  /** Makes durable what has been written. */
  sync(): Promise<void>;
}

/** Guest data that lies in the image itself, as it is. */
export class OwnData implements GuestData {
  readonly blankIsZero: boolean = true;
  readonly #file: HostFile;
  readonly #metadata: MetadataRanges;

  constructor(file: HostFile, metadata: MetadataRanges) {
    this.#file = file;
    this.#metadata = metadata;
  }

  get name(): string {
    return this.#file.name;
  }

  get end(): number {
    return this.#file.size;
  }

  get writes(): DirectWrites {
    return this.#file.data;
  }

  read(target: Uint8Array, hostOffset: number, _guestOffset: number, signal?: AbortSignal): Promise<void> {
    return this.#file.read(target, hostOffset, signal);
  }

  /** @throws {@link Qcow2Error} `ERR_CORRUPT` where the header says that metadata lies there */
  write(source: Uint8Array, hostOffset: number): Promise<void> {
    this.#metadata.refuse(hostOffset, source.byteLength, "the L2 table shows them");
    return this.#file.writeData(source, hostOffset);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }
}
