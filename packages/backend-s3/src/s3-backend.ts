import { BackendError, BaseBackend, type Capabilities } from "@instar/backend";
import type { RangeCounters } from "@instar/backend-http/engine";
import { guaranteeOf, type PublishGuarantee } from "./conditions.js";
import { openWritable } from "./open-writable.js";
import type { S3OpenOptions } from "./options.js";
import { S3Store } from "./store.js";
import { VersionReader } from "./version-reader.js";
import { WritableObject } from "./writable-object.js";

const capabilities = (write: boolean): Capabilities => ({
  write,
  grow: write,
  truncate: write,
  writeZeroes: write,
  discard: false,
  allocate: false,
  extents: false,
  durable: write,
});

/**
 * An object in S3-compatible storage.
 *
 * It is read by ranges, all of the version that was opened: each request asks for it by ETag, and each answer is held
 * against it. An object cannot be changed in place: what is written is kept aside, where reads see it at once, and `sync`
 * publishes it all as a new version, as does `close`. Nobody ever sees a part of it.
 */
export class S3Backend extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** What has been asked of the store so far. */
  readonly counters: RangeCounters;
  /** How `sync` is kept from publishing over the version of another writer; `undefined` when it is only read. */
  readonly guarantee: PublishGuarantee | undefined;
  readonly #store: S3Store;
  readonly #object: VersionReader | WritableObject;

  private constructor(store: S3Store, object: VersionReader | WritableObject, guarantee: PublishGuarantee | undefined) {
    super();
    this.name = store.name;
    this.counters = store.settings.counters;
    this.capabilities = capabilities(guarantee !== undefined);
    this.guarantee = guarantee;
    this.#store = store;
    this.#object = object;
  }

  get size(): number {
    return this.#object.size;
  }

  /**
   * Opens an object, or makes one. There is no lock: of several writers the first to `sync` publishes, and the others get
   * `ERR_CHANGED` from theirs, and keep their changes.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_EXISTS`, `ERR_PERMISSION`, `ERR_UNSUPPORTED` (what is no location; a
   * store without ranges, or without ETags for a writer), `ERR_READ_ONLY` (`create` without `write`), `ERR_RANGE` (an
   * option out of its bounds) or `ERR_IO`; the reason of the signal when it is aborted.
   */
  static async open(options: S3OpenOptions): Promise<S3Backend> {
    const { write = false, create = "never", signal } = options;
    signal?.throwIfAborted();
    const store = new S3Store(options, options);
    try {
      if (!write && create !== "never") throw new BackendError("ERR_READ_ONLY", `${store.name}: create needs write`);
      if (!write) return new S3Backend(store, await VersionReader.open(store, true, signal), undefined);
      const [object, conditions] = await openWritable(store, options);
      return new S3Backend(store, object, guaranteeOf(conditions));
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Has nothing published from now on: what was written and will be goes with `close`, which like `sync` succeeds. */
  async abandon(): Promise<void> {
    if (this.#object instanceof WritableObject) await this.#object.abandon();
  }

  protected override doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#object.read(target, offset, signal);
  }

  protected override doWrite(source: Uint8Array, offset: number): Promise<void> {
    return this.#writable.write(source, offset);
  }

  protected override doTruncate(size: number): Promise<void> {
    return this.#writable.truncate(size);
  }

  protected override doWriteZeroes(offset: number, length: number): Promise<void> {
    return this.#writable.zero(offset, length);
  }

  protected override doSync(signal: AbortSignal | undefined): Promise<void> {
    return this.#writable.sync(signal);
  }

  protected override async doClose(): Promise<void> {
    if (this.#object instanceof WritableObject) await this.#object.close();
    await this.#store.close();
  }

  get #writable(): WritableObject {
    if (this.#object instanceof WritableObject) return this.#object;
    throw new BackendError("ERR_READ_ONLY", `${this.name}: it is open read-only`);
  }
}
