import { BaseBackend } from "./base-backend.js";
import type { Capabilities, Extent } from "./contract.js";
import { MemoryPages } from "./memory-pages.js";
import { checkSize } from "./range.js";

/** How a {@link MemoryBackend} begins. */
export interface MemoryBackendOptions {
  /** For messages. Defaults to `memory`. */
  readonly name?: string;
  /** Length in bytes, all zeroes at no cost. Defaults to that of `pages`, or to 0. */
  readonly size?: number;
  /** Whether it refuses to be changed. Defaults to `false`. */
  readonly readOnly?: boolean;
  /** The bytes, which it shares with whoever else holds them. Defaults to pages of its own. */
  readonly pages?: MemoryPages;
}

/** Bytes in memory: sparse, so that a disk of 1 TiB costs what was written to it. Runs wherever JavaScript does. */
export class MemoryBackend extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #pages: MemoryPages;

  /** @throws {@link BackendError} `ERR_RANGE` for a size that is none. */
  constructor(options: MemoryBackendOptions = {}) {
    super();
    this.name = options.name ?? "memory";
    this.#pages = options.pages ?? new MemoryPages();
    if (options.size !== undefined) {
      checkSize(this.name, "resize", options.size);
      this.#pages.resize(options.size);
    }
    const write = options.readOnly !== true;
    this.capabilities = {
      write,
      grow: write,
      truncate: write,
      writeZeroes: write,
      discard: write,
      allocate: write,
      extents: true,
      durable: false,
    };
  }

  get size(): number {
    return this.#pages.size;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    this.#pages.read(target, offset);
  }

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    this.#pages.write(source, offset);
  }

  protected override async doTruncate(size: number): Promise<void> {
    this.#pages.resize(size);
  }

  protected override async doWriteZeroes(offset: number, length: number): Promise<void> {
    this.#pages.zero(offset, length);
  }

  protected override async doDiscard(offset: number, length: number): Promise<void> {
    this.#pages.zero(offset, length);
  }

  protected override async doAllocate(offset: number, length: number): Promise<void> {
    this.#pages.allocate(offset, length);
  }

  protected override async doSync(): Promise<void> {}

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    yield* this.#pages.extents(offset, length);
  }
}
