import { BackendError, BaseBackend, type Capabilities, type Extent, type MemoryPages } from "@instar/backend";

import type { Random } from "../interop/random.js";

/** A file in memory whose requests end in an order of their own, so that everything that can interleave does. */
export class JitteryFile extends BaseBackend {
  readonly name: string = "jittery";
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
  /** One request in so many fails, having done half of its work; 0 for none. */
  faults = 0;
  /** How many may still fail: storage gets well again, so that what is tried often enough must succeed. */
  faultsLeft: number = Infinity;
  readonly #pages: MemoryPages;
  readonly #random: Random;

  constructor(pages: MemoryPages, random: Random) {
    super();
    this.#pages = pages;
    this.#random = random;
  }

  get size(): number {
    return this.#pages.size;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    await this.#wait();
    this.#mayFail("read", offset);
    this.#pages.read(target, offset);
    await this.#wait();
  }

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    await this.#wait();
    const middle = this.#random.below(source.byteLength);
    this.#pages.write(source.subarray(0, middle), offset);
    await this.#wait();
    this.#mayFail("write", offset);
    this.#pages.write(source.subarray(middle), offset + middle);
    await this.#wait();
  }

  protected override async doTruncate(size: number): Promise<void> {
    await this.#wait();
    this.#pages.resize(size);
  }

  protected override async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#wait();
    this.#pages.zero(offset, length);
    await this.#wait();
  }

  protected override async doDiscard(offset: number, length: number): Promise<void> {
    await this.#wait();
    const middle = this.#random.below(length);
    this.#pages.zero(offset, middle);
    await this.#wait();
    this.#mayFail("discard", offset);
    this.#pages.zero(offset + middle, length - middle);
    await this.#wait();
  }

  protected override async doSync(): Promise<void> {
    await this.#wait();
    this.#mayFail("sync", 0);
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    yield* this.#pages.extents(offset, length);
  }

  #mayFail(kind: string, offset: number): void {
    if (this.faults === 0 || this.faultsLeft === 0 || !this.#random.once(this.faults)) return;
    this.faultsLeft--;
    throw new BackendError("ERR_IO", `${this.name}: ${kind} at ${offset} fails`);
  }

  async #wait(): Promise<void> {
    if (this.#random.once(20)) await new Promise((resolve) => setImmediate(resolve));
    for (let turns = this.#random.below(12); turns > 0; turns--) await Promise.resolve();
  }
}
