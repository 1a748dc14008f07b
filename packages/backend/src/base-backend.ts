import type { Backend, CallOptions, Capabilities, Extent } from "./contract.js";
import { BackendError } from "./errors.js";

/**
 * The rules of the contract that are the same for every backend: arguments, size, capabilities, abort before the start
 * and close are checked here, so that the `do…` methods of a plugin get exact arguments and hold nothing but I/O.
 *
 * A plugin implements `doRead` and whatever its manifest promises. `size` is the plugin's to keep.
 */
export abstract class BaseBackend implements Backend {
  abstract readonly name: string;
  abstract readonly capabilities: Capabilities;
  abstract readonly size: number;

  #closing: Promise<void> | undefined;
  #running = 0;
  #idle: (() => void) | undefined;

  /** Fills `target`; the range lies within the size and is not empty. */
  protected abstract doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
  /** Writes `source`, which is not empty; it ends within the size unless `capabilities.grow`. */
  protected doWrite?(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void>;
  /** Sets the size. */
  protected doTruncate?(size: number, signal: AbortSignal | undefined): Promise<void>;
  /** Zeroes a range within the size that is not empty. */
  protected doWriteZeroes?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
  /** Discards a range within the size that is not empty. */
  protected doDiscard?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
  /** Makes durable what was written. */
  protected doSync?(signal: AbortSignal | undefined): Promise<void>;
  /** Extents of a range within the size that is not empty. */
  protected doExtents?(offset: number, length: number, signal: AbortSignal | undefined): AsyncIterable<Extent>;
  /** Frees what the backend holds; called once, when no call is under way. */
  protected async doClose(): Promise<void> {}

  async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#begin("read", options);
    this.#within("read", offset, target.byteLength);
    if (target.byteLength > 0) await this.#run(this.doRead(target, offset, options?.signal));
  }

  async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#begin("write", options, "write");
    if (this.capabilities.grow) this.#integers("write", offset, source.byteLength);
    else this.#within("write", offset, source.byteLength);
    if (source.byteLength > 0)
      await this.#run(this.doWrite?.(source, offset, options?.signal) ?? this.#missing("write"));
  }

  async truncate(size: number, options?: CallOptions): Promise<void> {
    this.#begin("truncate", options, "truncate");
    this.#integers("truncate", size, 0);
    await this.#run(this.doTruncate?.(size, options?.signal) ?? this.#missing("truncate"));
  }

  async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#begin("writeZeroes", options, "writeZeroes");
    this.#within("writeZeroes", offset, length);
    if (length > 0)
      await this.#run(this.doWriteZeroes?.(offset, length, options?.signal) ?? this.#missing("writeZeroes"));
  }

  async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#begin("discard", options, "discard");
    this.#within("discard", offset, length);
    if (length > 0) await this.#run(this.doDiscard?.(offset, length, options?.signal) ?? this.#missing("discard"));
  }

  async sync(options?: CallOptions): Promise<void> {
    this.#begin("sync", options, "write");
    await this.#run(this.doSync?.(options?.signal) ?? this.#missing("sync"));
  }

  async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    this.#begin("extents", options, "extents");
    this.#within("extents", offset, length);
    if (length === 0) return;
    for await (const extent of this.doExtents?.(offset, length, options?.signal) ?? this.#missing("extents")) {
      yield extent;
      this.#begin("extents", options, "extents");
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.doClose();
  }

  #begin(operation: string, options: CallOptions | undefined, needs?: keyof Capabilities): void {
    if (this.#closing) throw new BackendError("ERR_CLOSED", `${this.name}: ${operation} after close`);
    options?.signal?.throwIfAborted();
    if (needs === undefined || this.capabilities[needs]) return;
    if (needs !== "extents" && !this.capabilities.write) {
      throw new BackendError("ERR_READ_ONLY", `${this.name}: ${operation} on a backend that is open read-only`);
    }
    throw new BackendError("ERR_UNSUPPORTED", `${this.name}: does not support ${operation}`);
  }

  #integers(operation: string, offset: number, length: number): void {
    if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0) {
      if (Number.isSafeInteger(offset + length)) return;
    }
    const rule = "offset and length are integers from 0, ending at 2^53-1 at most";
    throw new BackendError("ERR_RANGE", `${this.name}: ${operation} of ${length} bytes at ${offset}: ${rule}`);
  }

  #within(operation: string, offset: number, length: number): void {
    this.#integers(operation, offset, length);
    if (offset + length <= this.size) return;
    const what = `${operation} of ${length} bytes at ${offset}`;
    throw new BackendError("ERR_RANGE", `${this.name}: ${what} goes past the end at ${this.size}`);
  }

  #missing(operation: string): never {
    const message = `${this.name}: the manifest promises ${operation}, but the plugin does not implement it`;
    throw new BackendError("ERR_UNSUPPORTED", message);
  }

  async #run(call: Promise<void>): Promise<void> {
    this.#running++;
    try {
      await call;
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }
}
