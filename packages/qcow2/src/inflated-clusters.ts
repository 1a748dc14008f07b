import { inflateCluster } from "#inflate";
import { unzstdCluster } from "#zstd";

import type { CompressionType } from "./header.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { Run } from "./mapping.js";

/** Bytes of inflated clusters to keep; at least two clusters. */
const KEEP = 2 * 1024 * 1024;

/** Reads compressed clusters, and keeps a few: a guest reads them in parts smaller than a cluster. */
export class InflatedClusters {
  readonly #file: HostFile;
  readonly #layout: Layout;
  readonly #unpack: typeof inflateCluster;
  readonly #limit: number;
  /** By host offset, the one used last at the end. */
  readonly #recent = new Map<number, { readonly length: number; readonly bytes: Promise<Uint8Array> }>();

  constructor(file: HostFile, layout: Layout, compressionType: CompressionType) {
    this.#file = file;
    this.#layout = layout;
    this.#unpack = compressionType === "zstd" ? unzstdCluster : inflateCluster;
    this.#limit = Math.max(2, Math.floor(KEEP / layout.clusterSize));
  }

  /**
   * The guest cluster of a compressed run.
   *
   * @throws {@link Qcow2Error} `ERR_CORRUPT` when its stream is broken
   */
  read({ hostOffset, compressedLength }: Run): Promise<Uint8Array> {
    const known = this.#recent.get(hostOffset);
    const entry =
      known?.length === compressedLength
        ? known
        : { length: compressedLength, bytes: this.#inflate(hostOffset, compressedLength) };
    this.#recent.delete(hostOffset);
    this.#recent.set(hostOffset, entry);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= this.#limit) break;
      this.#recent.delete(oldest);
    }
    // What has failed is tried again by the next one who asks.
    entry.bytes.catch(() => {
      if (this.#recent.get(hostOffset) === entry) this.#recent.delete(hostOffset);
    });
    return entry.bytes;
  }

  /** Forgets all: host clusters may have got other uses. */
  forget(): void {
    this.#recent.clear();
  }

  /**
   * Forgets what was packed at an offset, where other data is about to be linked. Nobody reads there: host clusters are
   * used again only when all requests have ended that may have known what was there before.
   */
  forgetAt(hostOffset: number): void {
    this.#recent.delete(hostOffset);
  }

  async #inflate(hostOffset: number, length: number): Promise<Uint8Array> {
    const compressed = new Uint8Array(Math.min(length, this.#file.size - hostOffset));
    await this.#file.read(compressed, hostOffset);
    return this.#unpack(compressed, this.#layout.clusterSize);
  }
}
