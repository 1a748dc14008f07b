import { type Backend, BackendError, type CallOptions, type Capabilities } from "../../src/index.js";
import type { Extent, MemoryBackend } from "../../src/index.js";

/** Passes on what its manifest has. A fault overrides one method. */
export class Delegate implements Backend {
  readonly name: string = "broken:";
  readonly capabilities: Capabilities;
  protected readonly inner: MemoryBackend;
  #closed = false;

  constructor(inner: MemoryBackend, manifest: Capabilities = inner.capabilities) {
    this.inner = inner;
    this.capabilities = manifest;
  }

  get size(): number {
    return this.inner.size;
  }

  async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    await this.inner.read(target, offset, options);
  }

  async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.check("write");
    await this.inner.write(source, offset, options);
  }

  async truncate(size: number, options?: CallOptions): Promise<void> {
    this.check("truncate");
    await this.inner.truncate(size, options);
  }

  async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.check("writeZeroes");
    await this.inner.writeZeroes(offset, length, options);
  }

  async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.check("discard");
    await this.inner.discard(offset, length, options);
  }

  async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.check("allocate");
    await this.inner.allocate(offset, length, options);
  }

  async sync(options?: CallOptions): Promise<void> {
    this.check("write");
    await this.inner.sync(options);
  }

  async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    this.check("extents");
    yield* this.inner.extents(offset, length, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.inner.close();
  }

  /** Refuses what the manifest lacks. */
  protected check(flag: keyof Capabilities): void {
    if (this.capabilities[flag] || this.#closed) return;
    const code = this.capabilities.write || flag === "extents" ? "ERR_UNSUPPORTED" : "ERR_READ_ONLY";
    throw new BackendError(code, `broken: no ${flag}`);
  }

  /** Whether a range is one that the inner backend would take. */
  protected sound(offset: number, length: number): boolean {
    return Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.inner.size;
  }
}
