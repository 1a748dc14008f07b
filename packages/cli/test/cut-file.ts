import { BaseBackend, type Capabilities } from "@instar/backend";

/** A file in memory that knows what a power cut would leave of it: all that was written, or no more than was synced. */
export class CutFile extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities = {
    write: true,
    grow: true,
    truncate: true,
    writeZeroes: false,
    discard: false,
    allocate: false,
    extents: false,
    durable: true,
  };
  /** Is called whenever a request has ended that changed something. */
  changed: () => void = () => {};
  #written: Buffer;
  #synced: Buffer;

  constructor(name: string, bytes: Uint8Array = new Uint8Array(0)) {
    super();
    this.name = name;
    this.#written = Buffer.from(bytes);
    this.#synced = this.#written;
  }

  get size(): number {
    return this.#written.byteLength;
  }

  /** What a power cut may leave now. */
  get left(): readonly Buffer[] {
    return this.#written === this.#synced ? [this.#written] : [this.#written, this.#synced];
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    target.set(this.#written.subarray(offset, offset + target.byteLength));
  }

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    this.#resize(Math.max(this.size, offset + source.byteLength));
    this.#written.set(source, offset);
    this.changed();
  }

  protected override async doTruncate(size: number): Promise<void> {
    this.#resize(size);
    this.changed();
  }

  protected override async doSync(): Promise<void> {
    this.#synced = this.#written;
    this.changed();
  }

  /** Puts a copy in the place of the bytes, which others may have been given. */
  #resize(size: number): void {
    const bytes = Buffer.alloc(size);
    this.#written.copy(bytes);
    this.#written = bytes;
  }
}
