import { BackendError, BaseBackend, type Capabilities, type OpenOptions } from "@instar/backend";

import { fsError } from "./fs-error.js";
import { type OpenedFile } from "./open-file.js";
import { openLocked } from "./open-locked.js";
import { readAt, writeAt } from "./positioned-io.js";
import { SyncState } from "./sync-state.js";
import { TruncateGate } from "./truncate-gate.js";
import { type WriterLock } from "./writer-lock.js";

/**
 * A local regular file, or a block device that is read.
 *
 * Every failure is a `BackendError` that names the path, the operation and the errno. A signal is heard between two
 * system calls, which move 16 MiB at most.
 */
export class FsBackend extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #file: OpenedFile;
  readonly #lock: WriterLock | undefined;
  readonly #sync: SyncState;
  readonly #gate: TruncateGate = new TruncateGate();
  #size: number;
  #open = true;

  private constructor(name: string, write: boolean, file: OpenedFile, lock: WriterLock | undefined) {
    super();
    this.name = name;
    this.#file = file;
    this.#lock = lock;
    this.#size = file.size;
    this.#sync = new SyncState(file.handle, file.directory);
    this.capabilities = {
      write,
      grow: write,
      truncate: write,
      writeZeroes: false,
      discard: false,
      extents: false,
      durable: true,
    };
  }

  /**
   * Opens a path, or a `file:` URL.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_EXISTS`, `ERR_PERMISSION`, `ERR_READ_ONLY` (a read-only file
   * system; or `create` without `write`), `ERR_LOCKED` (a writer has it), `ERR_UNSUPPORTED` (neither a regular file nor
   * a block device; a block device for writing; `write` without `lock`), `ERR_NO_SPACE` or `ERR_IO`. Nothing has been
   * changed then.
   */
  static async open(location: string, options: OpenOptions = {}): Promise<FsBackend> {
    const { name, file, lock } = await openLocked(location, options);
    return new FsBackend(name, options.write ?? false, file, lock);
  }

  get size(): number {
    return this.#size;
  }

  protected override async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const length = target.byteLength;
    let count: number;
    try {
      count = await readAt(this.#file.handle.fd, target, offset, signal);
    } catch (error) {
      throw this.#failure(`read of ${length} bytes at ${offset}`, error, signal);
    }
    if (count === length) return;
    const what = `${this.name}: read of ${length} bytes at ${offset}`;
    if (offset + length > this.#size) {
      throw new BackendError("ERR_RANGE", `${what} goes past the end, which a truncate has moved to ${this.#size}`);
    }
    const now = `the file of ${this.#size} bytes now ends at ${offset + count}`;
    throw new BackendError("ERR_CHANGED", `${what}: ${now}: somebody else has truncated it`);
  }

  protected override doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#gate.write(async () => {
      const length = source.byteLength;
      let count: number;
      try {
        signal?.throwIfAborted();
        // A write that fails half-way has grown the file all the same, and what it left must not hide in a gap.
        count = await writeAt(this.#file.handle.fd, source, offset, signal, (moved) => this.#grow(offset + moved));
      } catch (error) {
        throw this.#failure(`write of ${length} bytes at ${offset}`, error, signal);
      }
      if (count === length) return;
      const message = `${this.name}: write of ${length} bytes at ${offset}: the system took ${count} bytes and gave no reason`;
      throw new BackendError("ERR_IO", message);
    });
  }

  protected override doTruncate(size: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#gate.truncate(async () => {
      const before = this.#size;
      try {
        signal?.throwIfAborted();
        // Reads that begin from now on must not look for what is being cut off.
        this.#size = Math.min(before, size);
        await this.#file.handle.truncate(size);
      } catch (error) {
        this.#size = before;
        throw this.#failure(`truncate to ${size} bytes`, error, signal);
      }
      this.#size = size;
      this.#sync.resized();
    });
  }

  protected override async doSync(): Promise<void> {
    try {
      await this.#sync.sync();
    } catch (error) {
      throw this.#failure("sync", error, undefined);
    }
  }

  protected override async doClose(): Promise<void> {
    try {
      // A descriptor is gone whatever its close reports, and a second close of it would hit somebody else's.
      if (this.#open) {
        this.#open = false;
        await this.#sync.close();
        await this.#file.handle.close();
      }
    } catch (error) {
      throw this.#failure("close", error, undefined);
    } finally {
      await this.#lock?.release();
    }
  }

  #grow(end: number): void {
    if (end <= this.#size) return;
    this.#size = end;
    this.#sync.resized();
  }

  #failure(operation: string, error: unknown, signal: AbortSignal | undefined): unknown {
    return signal?.aborted && error === signal.reason ? error : fsError(this.name, operation, error);
  }
}
