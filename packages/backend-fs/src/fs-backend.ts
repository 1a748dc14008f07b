import { BackendError, BaseBackend, type Capabilities, type Extent, type OpenOptions } from "@instar/backend";

import { extentsOfFile } from "./file-extents.js";
import { emptyFile } from "./empty-file.js";
import { fsError } from "./fs-error.js";
import { type OpenedFile } from "./open-file.js";
import { type LockedFile, openLocked } from "./open-locked.js";
import { readAt, writeAt } from "./positioned-io.js";
import { noSparseCalls, type SparseCalls, type SparseSupport, sparseSupport } from "./sparse-calls.js";
import { SyncState } from "./sync-state.js";
import { TruncateGate } from "./truncate-gate.js";
import { Turns } from "./turns.js";
import { type WriterLock } from "./writer-lock.js";

/** Bytes for which space is set aside in one system call: some file systems take their time. */
const ALLOCATED = 2 ** 30;

/**
 * Large writes of one file that are with the system at once. It takes one at a time, and a second one is ready when that
 * ends; more would keep threads from reading.
 */
const LARGE_WRITES = 2;
/** Bytes from which on a write is large: less is done before another thread would wait for it. */
const LARGE = 131_072;

/** What this package takes beyond the options of every backend. */
export interface FsOptions {
  /**
   * The system calls for sparse files, from `linuxSparseCalls`. Without them there are no `extents`, `discard`,
   * `writeZeroes` and `allocate`.
   */
  readonly sparse?: SparseCalls | undefined;
}

/** How to open a file. */
export interface FsOpenOptions extends OpenOptions, FsOptions {}

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
  readonly #sparse: SparseCalls;
  readonly #gate: TruncateGate = new TruncateGate();
  readonly #turns: Turns = new Turns(LARGE_WRITES);
  #size: number;
  #open = true;

  private constructor(opened: LockedFile, write: boolean, sparse: SparseCalls, support: SparseSupport) {
    super();
    const { name, file, lock } = opened;
    this.name = name;
    this.#file = file;
    this.#lock = lock;
    this.#sparse = sparse;
    this.#size = file.size;
    this.#sync = new SyncState(file.handle, file.directory);
    this.capabilities = {
      write,
      grow: write,
      truncate: write,
      writeZeroes: support.punch,
      discard: support.punch,
      allocate: support.punch,
      extents: support.extents,
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
  static async open(location: string, options: FsOpenOptions = {}): Promise<FsBackend> {
    const { write = false, sparse = noSparseCalls } = options;
    const opened = await openLocked(location, options);
    const support = await sparseSupport(sparse, opened.file.handle.fd, opened.file.size, write);
    return new FsBackend(opened, write, sparse, support);
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
    const write = (): Promise<void> => this.#write(source, offset, signal);
    return this.#gate.write(source.byteLength < LARGE ? write : () => this.#turns.take(write));
  }

  protected override doTruncate(size: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#gate.truncate(async () => {
      const before = this.#size;
      // Not even to be done twice: ext4 remembers it.
      if (size === 0 && before === 0) return;
      try {
        signal?.throwIfAborted();
        // Reads that begin from now on must not look for what is being cut off.
        this.#size = Math.min(before, size);
        await (size === 0 ? emptyFile(this.#file.handle) : this.#file.handle.truncate(size));
      } catch (error) {
        this.#size = before;
        throw this.#failure(`truncate to ${size} bytes`, error, signal);
      }
      this.#size = size;
      this.#sync.inodeChanged();
    });
  }

  protected override doWriteZeroes(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#punch(`writeZeroes of ${length} bytes at ${offset}`, offset, length, signal);
  }

  protected override doDiscard(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#punch(`discard of ${length} bytes at ${offset}`, offset, length, signal);
  }

  protected override doAllocate(offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#gate.write(async () => {
      const { handle } = this.#file;
      const end = offset + length;
      try {
        for (let at = offset; at < end; at += ALLOCATED) {
          signal?.throwIfAborted();
          await this.#sparse.allocate(handle.fd, at, Math.min(ALLOCATED, end - at));
          this.#grow(Math.min(at + ALLOCATED, end));
        }
      } catch (error) {
        // A call that fails half-way may have grown the file all the same.
        const { size } = await handle.stat().catch(() => this);
        this.#grow(size);
        throw this.#failure(`allocate of ${length} bytes at ${offset}`, error, signal);
      } finally {
        this.#sync.inodeChanged();
      }
    });
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    try {
      yield* extentsOfFile(this.name, this.#sparse, this.#file.handle, offset, offset + length);
    } catch (error) {
      throw this.#failure(`extents of ${length} bytes at ${offset}`, error, undefined);
    }
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
        await Promise.all([this.#sync.close(), this.#file.handle.close()]);
      }
    } catch (error) {
      throw this.#failure("close", error, undefined);
    } finally {
      await this.#lock?.release();
    }
  }

  async #write(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
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
  }

  #grow(end: number): void {
    if (end <= this.#size) return;
    this.#size = end;
    this.#sync.inodeChanged();
  }

  #punch(operation: string, offset: number, length: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#gate.write(async () => {
      try {
        signal?.throwIfAborted();
        await this.#sparse.punchHole(this.#file.handle.fd, offset, length);
        this.#sync.inodeChanged();
      } catch (error) {
        throw this.#failure(operation, error, signal);
      }
    });
  }

  #failure(operation: string, error: unknown, signal: AbortSignal | undefined): unknown {
    const final = error instanceof BackendError || (signal?.aborted && error === signal.reason);
    return final ? error : fsError(this.name, operation, error);
  }
}
