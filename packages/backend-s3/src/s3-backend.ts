import { BackendError, BaseBackend, type Capabilities } from "@instar/backend";
import type { RangeCounters } from "@instar/backend-http/engine";
import type { S3OpenOptions } from "./options.js";
import { S3Store } from "./store.js";
import { VersionReader } from "./version-reader.js";

const readOnly: Capabilities = {
  write: false,
  grow: false,
  truncate: false,
  writeZeroes: false,
  discard: false,
  extents: false,
  durable: false,
};

/**
 * An object in S3-compatible storage, read by ranges.
 *
 * All reads are of the version that was opened: each request asks for it by ETag, and each answer is held against it.
 */
export class S3Backend extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities = readOnly;
  /** What has been asked of the store so far. */
  readonly counters: RangeCounters;
  readonly #store: S3Store;
  readonly #reader: VersionReader;

  private constructor(store: S3Store, reader: VersionReader) {
    super();
    this.name = store.name;
    this.counters = store.settings.counters;
    this.#store = store;
    this.#reader = reader;
  }

  get size(): number {
    return this.#reader.version.size;
  }

  /**
   * Opens an object.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, `ERR_UNSUPPORTED` (what is no location; a store
   * without ranges), `ERR_RANGE` (an option out of its bounds) or `ERR_IO`; the reason of the signal when it is aborted.
   */
  static async open(options: S3OpenOptions): Promise<S3Backend> {
    options.signal?.throwIfAborted();
    if (options.write || (options.create ?? "never") !== "never") {
      throw new BackendError("ERR_READ_ONLY", `s3://${options.bucket}/${options.key}: it can only be read`);
    }
    const store = new S3Store(options, options);
    try {
      return new S3Backend(store, await VersionReader.open(store, options.signal));
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  protected override doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#reader.read(target, offset, signal);
  }

  protected override doClose(): Promise<void> {
    return this.#store.close();
  }
}
