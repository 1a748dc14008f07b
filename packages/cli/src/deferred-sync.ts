import { type Backend, BaseBackend, type Capabilities, type Extent } from "@instar/backend";

/** A backend that answers every sync at once, and syncs when it is closed: for a file that is worthless till then. */
export class DeferredSync extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #file: Backend;
  readonly #atClose: boolean;

  /**
   * @param file is closed with it
   * @param atClose whether to sync even then
   */
  constructor(file: Backend, atClose: boolean) {
    super();
    this.name = file.name;
    this.capabilities = { ...file.capabilities, durable: false };
    this.#file = file;
    this.#atClose = atClose;
  }

  get size(): number {
    return this.#file.size;
  }

  protected override doRead(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    return this.#file.read(target, offset, { signal });
  }

  protected override doWrite(source: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    return this.#file.write(source, offset, { signal });
  }

  protected override doTruncate(size: number, signal?: AbortSignal): Promise<void> {
    return this.#file.truncate(size, { signal });
  }

  protected override doWriteZeroes(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#file.writeZeroes(offset, length, { signal });
  }

  protected override doDiscard(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#file.discard(offset, length, { signal });
  }

  protected override doAllocate(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#file.allocate(offset, length, { signal });
  }

  protected override async doSync(): Promise<void> {}

  protected override doExtents(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Extent> {
    return this.#file.extents(offset, length, { signal });
  }

  protected override async doClose(): Promise<void> {
    if (this.#atClose) await this.#file.sync();
    await this.#file.close();
  }
}
