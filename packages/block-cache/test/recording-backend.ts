import type { Backend, CallOptions, Capabilities, Extent } from "@instar/backend";

/** One call of a backend. */
export interface Call {
  readonly method:
    | "read"
    | "write"
    | "truncate"
    | "writeZeroes"
    | "discard"
    | "allocate"
    | "sync"
    | "extents"
    | "close";
  readonly offset: number;
  readonly length: number;
}

/** Passes everything on to another backend, remembers the calls, and can hold or fail them. */
export class RecordingBackend implements Backend {
  readonly capabilities: Capabilities;
  readonly calls: Call[] = [];
  /** Awaited before a call is passed on; what it throws is what the call rejects with. */
  before: (call: Call, options: CallOptions | undefined) => void | Promise<void> = () => {};
  readonly #inner: Backend;

  constructor(inner: Backend, capabilities: Partial<Capabilities> = {}) {
    this.#inner = inner;
    this.capabilities = { ...inner.capabilities, ...capabilities };
  }

  get name(): string {
    return this.#inner.name;
  }

  get size(): number {
    return this.#inner.size;
  }

  /** The calls of one method so far, as `offset+length`. */
  of(method: Call["method"]): string[] {
    return this.calls.filter((call) => call.method === method).map(({ offset, length }) => `${offset}+${length}`);
  }

  async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "read", offset, length: target.byteLength }, options);
    await this.#inner.read(target, offset, options);
  }

  async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "write", offset, length: source.byteLength }, options);
    await this.#inner.write(source, offset, options);
  }

  async truncate(size: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "truncate", offset: size, length: 0 }, options);
    await this.#inner.truncate(size, options);
  }

  async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "writeZeroes", offset, length }, options);
    await this.#inner.writeZeroes(offset, length, options);
  }

  async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "discard", offset, length }, options);
    await this.#inner.discard(offset, length, options);
  }

  async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
    await this.#call({ method: "allocate", offset, length }, options);
    await this.#inner.allocate(offset, length, options);
  }

  async sync(options?: CallOptions): Promise<void> {
    await this.#call({ method: "sync", offset: 0, length: 0 }, options);
    await this.#inner.sync(options);
  }

  async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    await this.#call({ method: "extents", offset, length }, options);
    yield* this.#inner.extents(offset, length, options);
  }

  async close(): Promise<void> {
    await this.#call({ method: "close", offset: 0, length: 0 }, undefined);
    await this.#inner.close();
  }

  async #call(call: Call, options: CallOptions | undefined): Promise<void> {
    this.calls.push(call);
    await this.before(call, options);
    options?.signal?.throwIfAborted();
  }
}
