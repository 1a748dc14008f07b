import type { Backend, CallOptions, Capabilities, Extent } from "./contract.js";
import { BackendError } from "./errors.js";
import { checkIntegers, checkSize, checkWithin } from "./range.js";

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
  /** Sets space aside for a range that is not empty; it ends within the size unless `capabilities.grow`. */
  protected doAllocate?(offset: number, length: number, signal: AbortSignal | undefined): Promise<void>;
  /** Makes durable what was written. */
  protected doSync?(signal: AbortSignal | undefined): Promise<void>;
  /**
   * Extents of a range within the size that is not empty. Holds nothing that closing needs while it stands at a
   * `yield`: only a step that is awaited counts as under way.
   */
  protected doExtents?(offset: number, length: number, signal: AbortSignal | undefined): AsyncIterable<Extent>;
  /**
   * Frees what the backend holds, when no call is under way. Once it has resolved it is not called again; where it
   * rejects the backend is open as before, and the next `close` calls it anew.
   */
  protected async doClose(): Promise<void> {}

  async read(target: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#begin("read", options);
    checkWithin(this.name, "read", offset, target.byteLength, this.size);
    if (target.byteLength > 0) await this.#run(this.doRead(target, offset, options?.signal));
  }

  async write(source: Uint8Array, offset: number, options?: CallOptions): Promise<void> {
    this.#beginChange("write", options, "write");
    this.#checkReach("write", offset, source.byteLength);
    if (source.byteLength > 0)
      await this.#run(this.doWrite?.(source, offset, options?.signal) ?? this.#missing("write"));
  }

  async truncate(size: number, options?: CallOptions): Promise<void> {
    this.#beginChange("truncate", options, "truncate");
    checkSize(this.name, "truncate", size);
    await this.#run(this.doTruncate?.(size, options?.signal) ?? this.#missing("truncate"));
  }

  async writeZeroes(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#beginChange("writeZeroes", options, "writeZeroes");
    checkWithin(this.name, "writeZeroes", offset, length, this.size);
    if (length > 0)
      await this.#run(this.doWriteZeroes?.(offset, length, options?.signal) ?? this.#missing("writeZeroes"));
  }

  async discard(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#beginChange("discard", options, "discard");
    checkWithin(this.name, "discard", offset, length, this.size);
    if (length > 0) await this.#run(this.doDiscard?.(offset, length, options?.signal) ?? this.#missing("discard"));
  }

  async allocate(offset: number, length: number, options?: CallOptions): Promise<void> {
    this.#beginChange("allocate", options, "allocate");
    this.#checkReach("allocate", offset, length);
    if (length > 0) await this.#run(this.doAllocate?.(offset, length, options?.signal) ?? this.#missing("allocate"));
  }

  async sync(options?: CallOptions): Promise<void> {
    this.#beginChange("sync", options, "write");
    await this.#run(this.doSync?.(options?.signal) ?? this.#missing("sync"));
  }

  async *extents(offset: number, length: number, options?: CallOptions): AsyncGenerator<Extent> {
    this.#begin("extents", options);
    this.#need("extents", "extents");
    checkWithin(this.name, "extents", offset, length, this.size);
    if (length === 0) return;
    const found = this.doExtents?.(offset, length, options?.signal) ?? this.#missing("extents");
    const steps = found[Symbol.asyncIterator]();
    let step = await this.#run(steps.next());
    try {
      while (step.done !== true) {
        yield step.value;
        this.#begin("extents", options);
        step = await this.#run(steps.next());
      }
    } finally {
      if (step.done !== true) await steps.return?.();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
      await this.doClose();
    } catch (error) {
      this.#closing = undefined;
      throw error;
    } finally {
      this.#idle = undefined;
    }
  }

  #begin(operation: string, options: CallOptions | undefined): void {
    if (this.#closing) throw new BackendError("ERR_CLOSED", `${this.name}: ${operation} after close`);
    options?.signal?.throwIfAborted();
  }

  #beginChange(operation: string, options: CallOptions | undefined, needs: keyof Capabilities): void {
    this.#begin(operation, options);
    if (!this.capabilities.write) {
      throw new BackendError("ERR_READ_ONLY", `${this.name}: ${operation} on a backend that is open read-only`);
    }
    this.#need(operation, needs);
  }

  #need(operation: string, flag: keyof Capabilities): void {
    if (this.capabilities[flag]) return;
    throw new BackendError("ERR_UNSUPPORTED", `${this.name}: does not support ${operation}`);
  }

  /** A range that may end past the end where the backend grows. */
  #checkReach(operation: string, offset: number, length: number): void {
    if (this.capabilities.grow) checkIntegers(this.name, operation, offset, length);
    else checkWithin(this.name, operation, offset, length, this.size);
  }

  #missing(operation: string): never {
    const message = `${this.name}: the manifest promises ${operation}, but the plugin does not implement it`;
    throw new BackendError("ERR_UNSUPPORTED", message);
  }

  async #run<T>(call: Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await call;
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }
}
