import type { Backend, CallOptions, Capabilities, Extent } from "../src/index.js";
import { BackendError } from "../src/index.js";

/** Where a {@link PlainBackend} keeps its bytes. */
export interface PlainStore {
  bytes: Uint8Array;
}

/**
 * The contract written down a second time, without {@link BaseBackend}, over one array: what the kit accepts must not
 * depend on our base class. Its methods take a turn before they act, as real storage does.
 */
export class PlainBackend implements Backend {
  readonly name = "plain:";
  readonly capabilities: Capabilities;
  readonly #store: PlainStore;
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(store: PlainStore, capabilities: Capabilities) {
    this.#store = store;
    this.capabilities = capabilities;
  }

  get size(): number {
    return this.#store.bytes.length;
  }

  async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#within(offset, target.length);
    await this.#later(() => target.set(this.#store.bytes.subarray(offset, offset + target.length)));
  }

  async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#check(options, "write");
    const end = offset + source.length;
    this.#within(offset, this.capabilities.grow && Number.isSafeInteger(end) && offset <= end ? 0 : source.length);
    await this.#later(() => {
      if (source.length > 0 && end > this.size) this.#resize(end);
      if (source.length > 0) this.#store.bytes.set(source, offset);
    });
  }

  async truncate(size: number, options?: CallOptions): Promise<void> {
    this.#check(options, "truncate");
    if (!Number.isSafeInteger(size) || size < 0) throw new BackendError("ERR_RANGE", "plain: no size");
    await this.#later(() => this.#resize(size));
  }

  async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#check(options, "writeZeroes");
    this.#within(offset, length);
    await this.#later(() => this.#store.bytes.fill(0, offset, offset + length));
  }

  async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#check(options, "discard");
    this.#within(offset, length);
    await this.#later(() => {});
  }

  async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#check(options, "allocate");
    const end = offset + length;
    this.#within(offset, this.capabilities.grow && Number.isSafeInteger(end) && offset <= end ? 0 : length);
    await this.#later(() => {
      if (length > 0 && end > this.size) this.#resize(end);
    });
  }

  async sync(options?: CallOptions): Promise<void> {
    this.#check(options, "write");
    await this.#later(() => {});
  }

  async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    this.#check(options, "extents");
    this.#within(offset, length);
    for (let at = offset; at < offset + length; at += 1000) {
      const piece = this.#store.bytes.subarray(at, Math.min(offset + length, at + 1000));
      yield { offset: at, length: piece.length, kind: piece.every((byte) => byte === 0) ? "zero" : "data" };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  #check(options: CallOptions | undefined, flag?: keyof Capabilities): void {
    if (this.#closed) throw new BackendError("ERR_CLOSED", "plain: closed");
    options?.signal?.throwIfAborted();
    if (flag === undefined || this.capabilities[flag]) return;
    const code = flag !== "extents" && !this.capabilities.write ? "ERR_READ_ONLY" : "ERR_UNSUPPORTED";
    throw new BackendError(code, `plain: no ${flag}`);
  }

  #within(offset: number, length: number): void {
    if (![offset, length, offset + length].every((value) => Number.isSafeInteger(value) && value >= 0)) {
      throw new BackendError("ERR_RANGE", "plain: no range");
    }
    if (length > 0 && offset + length > this.size) throw new BackendError("ERR_RANGE", "plain: past the end");
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#store.bytes.subarray(0, size));
    this.#store.bytes = bytes;
  }

  async #later(action: () => unknown): Promise<void> {
    const call = Promise.resolve().then(() => {
      action();
    });
    this.#running.add(call);
    await call;
    this.#running.delete(call);
  }
}
