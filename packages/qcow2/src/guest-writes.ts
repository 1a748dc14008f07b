import type { Changes } from "./changes.js";
import { requireWholeClusters } from "./compressed-writer.js";
import type { Engine } from "./engine.js";
import type { CompressedWriteOptions } from "./options.js";

/** The requests that change what the guest sees, as changes of ranges. Their arguments have been checked. */
export class GuestWrites {
  readonly #engine: Engine;
  readonly #changes: Changes;

  constructor(engine: Engine, changes: Changes) {
    this.#engine = engine;
    this.#changes = changes;
  }

  write(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const end = offset + source.byteLength;
    return this.#changes.range("write", offset, end, async () => {
      await this.#engine.writer.write(source, offset, signal);
      return end;
    });
  }

  /** @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for parts of clusters */
  async writeCompressed(source: Uint8Array, offset: number, options: CompressedWriteOptions): Promise<void> {
    const { unordered = false, signal } = options;
    const { file, layout } = this.#engine;
    const end = offset + source.byteLength;
    // The end of the disk may cut the last cluster short.
    requireWholeClusters(file.name, offset, end === this.#diskEnd ? offset : end, layout.clusterSize);
    await this.#changes.range("writeCompressed", offset, end, async (at) => {
      await this.#engine.compressedWriter.write(source.subarray(at - offset), at, { unordered, signal });
      return end;
    });
  }

  zero(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#changes.range("writeZeroes", offset, offset + length, (at, end) =>
      this.#engine.zeroes.zero(at, end, this.#diskEnd, signal),
    );
  }

  /** Whole subclusters lose their content; parts of them keep it. */
  discard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    const { clusterSize, subclusterSize } = this.#engine.layout;
    const begin = Math.ceil(offset / subclusterSize) * subclusterSize;
    return this.#changes.range("discard", begin, offset + length, async (at, end) => {
      // The cluster that the end of the disk cuts short is a whole one.
      const cut = end === this.#diskEnd ? Math.ceil(end / clusterSize) * clusterSize : end;
      const whole = Math.floor(cut / subclusterSize) * subclusterSize;
      return at < whole ? this.#engine.eraser.erase(at, whole, "discard", signal) : end;
    });
  }

  get #diskEnd(): number {
    return this.#engine.header.current.size;
  }
}
