import type { HostFile } from "./host-file.js";

/** Fewer bytes are not given back: file systems keep space in blocks that are no smaller. */
const LEAST = 4096;

/** Gives the space of host clusters that have become free back to whatever stores the file. */
export class FreedSpace {
  readonly #file: HostFile;
  readonly #clusterSize: number;
  readonly #enabled: boolean;

  /** @param enabled whether that is wanted; it also takes a file that can discard */
  constructor(file: HostFile, clusterSize: number, enabled: boolean) {
    this.#file = file;
    this.#clusterSize = clusterSize;
    this.#enabled = enabled && file.backend.capabilities.discard;
  }

  /**
   * Discards clusters to which nothing refers, durably so. Until it has ended the caller lets nobody have them: a
   * discard that came late would hit their next owner. Where it fails the space is kept, which harms nobody.
   *
   * @param clusters their numbers, in ascending order
   */
  async giveBack(clusters: readonly number[]): Promise<void> {
    for (let index = 0; index < clusters.length;) {
      const first = clusters[index] ?? 0;
      let count = 1;
      while (clusters[index + count] === first + count) count++;
      index += count;
      await this.giveBackRow(first, count);
    }
  }

  /** The same for clusters in a row. */
  async giveBackRow(first: number, count: number): Promise<void> {
    const offset = first * this.#clusterSize;
    const length = Math.min(count * this.#clusterSize, this.#file.size - offset);
    if (this.#enabled && length >= LEAST) await this.#file.discard(offset, length).catch(() => undefined);
  }
}
