import { extentsOf, isBackendError, zeroRange } from "@instar/backend";
import type { DirectWrites } from "@instar/lru-cache";

import type { EraseMode } from "./erase.js";
import type { GuestData } from "./guest-data.js";
import type { HostFile } from "./host-file.js";
import type { LiveHeader } from "./live-header.js";

/** Bytes that are written again at once. */
const CHUNK = 1024 * 1024;

/**
 * Guest data in a file of its own, where each cluster lies where the guest sees it. Specification: "External data file
 * bit".
 */
export class ExternalData implements GuestData {
  /** Whether the file by itself is the disk as the guest sees it. Specification: "Raw external data bit". */
  readonly raw: boolean;
  /** Clusters lie at their guest offset: the end of the disk bounds them, and a file that ends before reads as zeroes. */
  readonly end: number = Number.MAX_SAFE_INTEGER;
  readonly blankIsZero: boolean = true;
  readonly uncompressible: string = "its data in another file";
  readonly #file: HostFile;
  readonly #header: LiveHeader;
  /** From here on the file reads as zeroes, because it was made so long by a truncate. */
  #blankFrom = Number.MAX_SAFE_INTEGER;

  constructor(file: HostFile, header: LiveHeader, raw: boolean) {
    this.#file = file;
    this.#header = header;
    this.raw = raw;
  }

  get name(): string {
    return this.#file.name;
  }

  get writes(): DirectWrites {
    return this.#file.data;
  }

  read(target: Uint8Array, hostOffset: number, _guestOffset: number, signal?: AbortSignal): Promise<void> {
    return this.#file.read(target, hostOffset, signal);
  }

  write(source: Uint8Array, hostOffset: number): Promise<void> {
    this.#blankFrom = Math.max(this.#blankFrom, hostOffset + source.byteLength);
    return this.#file.writeData(source, hostOffset);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /**
   * To be called before the L2 entries of a range change so that it loses its content: a raw file has to lose it too,
   * of any other the space can be given back.
   */
  async erase(begin: number, end: number, mode: EraseMode): Promise<void> {
    const { backend } = this.#file;
    const length = Math.min(end, this.#header.current.size, backend.size) - begin;
    if (length <= 0 || mode === "drop") return;
    if (this.raw) await zeroRange(backend, begin, length);
    else if (mode === "discard" && backend.capabilities.discard) await backend.discard(begin, length);
    else return;
    this.#file.wroteData();
  }

  /** To be called where the whole file has been made to read as zeroes. */
  wasEmptied(): void {
    this.#blankFrom = 0;
  }

  /** Makes what lies between two guest offsets, to which no L2 entry points yet, read as zeroes. */
  async clear(begin: number, end: number): Promise<void> {
    const { backend } = this.#file;
    const length = Math.min(end, this.#header.current.size, backend.size, this.#blankFrom) - begin;
    if (length <= 0) return;
    for await (const extent of extentsOf(backend, begin, length)) {
      if (extent.kind === "data") await zeroRange(backend, extent.offset, extent.length);
    }
    this.#file.wroteData();
  }

  /**
   * Has the file set space aside for what lies between two guest offsets, and keeps what is there. Nobody else writes to
   * the file meanwhile.
   *
   * @param fill whether to do so by writing, even where the file could do it otherwise
   */
  async setAside(begin: number, end: number, fill: boolean): Promise<void> {
    const stop = Math.min(end, this.#header.current.size);
    if (stop <= begin || (!fill && (await this.#allocate(begin, stop - begin)))) return;
    for (let at = begin; at < stop; at += CHUNK) {
      const bytes = new Uint8Array(Math.min(CHUNK, stop - at));
      await this.#file.read(bytes, at);
      await this.#file.writeData(bytes, at);
    }
  }

  /** Makes the file as long as the disk is to be; what comes to it reads as zeroes. */
  async resize(old: number, size: number): Promise<void> {
    const { backend } = this.#file;
    // What lies behind the disk is not of the disk.
    if (size > old && backend.size > old) await backend.truncate(old);
    await backend.truncate(size);
    this.#blankFrom = Math.min(this.#blankFrom, old, size);
    this.#file.wroteData();
  }

  /** @returns whether the file can */
  async #allocate(offset: number, length: number): Promise<boolean> {
    const { backend } = this.#file;
    if (!backend.capabilities.allocate) return false;
    try {
      await backend.allocate(offset, length);
    } catch (error) {
      if (isBackendError(error, "ERR_UNSUPPORTED")) return false;
      throw error;
    }
    this.#file.wroteData();
    return true;
  }
}
