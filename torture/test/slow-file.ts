import { BaseBackend, type Capabilities, type Extent, MemoryPages } from "@instar/backend";

/** What can be asked of a file. */
export type Request = "read" | "write" | "writeZeroes" | "discard" | "sync";

/** A file in memory whose requests are counted, and wait or fail as a test wants them to. */
export class SlowFile extends BaseBackend {
  readonly name: string = "slow";
  readonly capabilities: Capabilities = {
    write: true,
    grow: true,
    truncate: true,
    writeZeroes: true,
    discard: true,
    allocate: false,
    extents: true,
    durable: true,
  };
  readonly pages: MemoryPages;
  readonly requests: { readonly kind: Request; readonly offset: number; readonly length: number }[] = [];
  /** Awaited before a request is done; what it throws is what the request fails with. */
  before: (kind: Request, offset: number) => Promise<void> | void = () => {};

  constructor(pages: MemoryPages = new MemoryPages()) {
    super();
    this.pages = pages;
  }

  get size(): number {
    return this.pages.size;
  }

  /** How many bytes have been read. */
  get bytesRead(): number {
    return this.requests.reduce((sum, { kind, length }) => sum + (kind === "read" ? length : 0), 0);
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    await this.#request("read", offset, target.byteLength);
    this.pages.read(target, offset);
  }

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    await this.#request("write", offset, source.byteLength);
    this.pages.write(source, offset);
  }

  protected override async doTruncate(size: number): Promise<void> {
    this.pages.resize(size);
  }

  protected override async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#request("writeZeroes", offset, length);
    this.pages.zero(offset, length);
  }

  protected override async doDiscard(offset: number, length: number): Promise<void> {
    await this.#request("discard", offset, length);
    this.pages.zero(offset, length);
  }

  protected override async doSync(): Promise<void> {
    await this.#request("sync", 0, 0);
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    yield* this.pages.extents(offset, length);
  }

  async #request(kind: Request, offset: number, length: number): Promise<void> {
    this.requests.push({ kind, offset, length });
    await this.before(kind, offset);
  }
}
