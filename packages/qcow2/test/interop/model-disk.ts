import type { Qcow2Image } from "../../src/index.js";
import type { Random } from "./random.js";

/** Bytes that a disk must hold, and random work done on both. */
export class ModelDisk {
  bytes: Uint8Array;
  readonly #random: Random;

  constructor(bytes: Uint8Array, random: Random) {
    this.bytes = bytes;
    this.#random = random;
  }

  /** One random write, zeroing or discard, or several at once on parts that do not overlap. */
  async step(image: Qcow2Image): Promise<void> {
    const lanes = this.#random.of(1, 1, 1, 8);
    const lane = Math.floor(this.bytes.length / lanes);
    await Promise.all(Array.from({ length: lanes }, (_, index) => this.#operate(image, index * lane, lane)));
  }

  async #operate(image: Qcow2Image, from: number, length: number): Promise<void> {
    const offset = from + this.#random.below(length);
    const most = Math.min(from + length - offset, this.#random.of(16, 600, 70_000, 400_000));
    const count = this.#random.below(most) + 1;
    const target = this.bytes.subarray(offset, offset + count);
    const kind = this.#random.below(10);
    if (kind < 1 && image.dataFile === undefined && image.encryption === undefined)
      await this.#compress(image, offset, offset + count);
    else if (kind < 7) {
      const data = this.#random.bytes(count);
      await image.write(data, offset);
      target.set(data);
    } else if (kind < 9) {
      await image.writeZeroes(offset, count);
      target.fill(0);
    } else {
      await image.discard(offset, count);
      // Old content or zeroes are both right: from here on, what it reads as must stay.
      await image.read(target, offset);
    }
  }

  /** Writes the whole clusters of a range compressed. */
  async #compress(image: Qcow2Image, begin: number, end: number): Promise<void> {
    const { clusterSize } = image.info();
    const first = Math.ceil(begin / clusterSize) * clusterSize;
    const last = Math.floor(end / clusterSize) * clusterSize;
    if (first >= last) return;
    const data = this.#random.bytes(last - first);
    await image.writeCompressed(data, first);
    this.bytes.set(data, first);
  }
}
