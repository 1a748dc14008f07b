import { type Backend, BackendError, BaseBackend, type Capabilities, type Extent } from "@instar/backend";

/** The requests of a backend that can fail. */
export type FaultKind = "read" | "write" | "truncate" | "writeZeroes" | "discard" | "allocate" | "sync";

/** A file whose requests fail, or wait, when a test wants them to. A write that fails has changed half of its range. */
export class FaultyFile extends BaseBackend {
  readonly name: string = "faulty";
  readonly capabilities: Capabilities;
  /** Which request fails: is asked before each of them. */
  fails: (kind: FaultKind, offset: number) => boolean = () => false;
  /** What requests wait for, if for anything: is asked after `fails`, before the request is passed on. */
  waits: (kind: FaultKind, offset: number) => Promise<void> | undefined = () => undefined;
  /** What has been asked for, in order. */
  readonly requests: { readonly kind: FaultKind; readonly offset: number; readonly length: number }[] = [];
  readonly #file: Backend;

  constructor(file: Backend, capabilities: Partial<Capabilities> = {}) {
    super();
    this.#file = file;
    this.capabilities = { ...file.capabilities, ...capabilities };
  }

  get size(): number {
    return this.#file.size;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    this.#request("read", offset, target.byteLength);
    await this.waits("read", offset);
    await this.#file.read(target, offset);
  }

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    try {
      this.#request("write", offset, source.byteLength);
    } catch (error) {
      await this.#file.write(source.subarray(0, source.byteLength >> 1), offset);
      throw error;
    }
    await this.waits("write", offset);
    await this.#file.write(source, offset);
  }

  protected override async doTruncate(size: number): Promise<void> {
    this.#request("truncate", size, 0);
    await this.#file.truncate(size);
  }

  protected override async doWriteZeroes(offset: number, length: number): Promise<void> {
    this.#request("writeZeroes", offset, length);
    await this.#file.writeZeroes(offset, length);
  }

  protected override async doDiscard(offset: number, length: number): Promise<void> {
    this.#request("discard", offset, length);
    await this.waits("discard", offset);
    await this.#file.discard(offset, length);
  }

  protected override async doAllocate(offset: number, length: number): Promise<void> {
    this.#request("allocate", offset, length);
    await this.#file.allocate(offset, length);
  }

  protected override async doSync(): Promise<void> {
    this.#request("sync", 0, 0);
    await this.waits("sync", 0);
    await this.#file.sync();
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    yield* this.#file.extents(offset, length);
  }

  #request(kind: FaultKind, offset: number, length: number): void {
    this.requests.push({ kind, offset, length });
    if (this.fails(kind, offset)) throw new BackendError("ERR_IO", `${this.name}: ${kind} at ${offset} fails`);
  }
}
