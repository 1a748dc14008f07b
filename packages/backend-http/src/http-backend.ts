import { BackendError, BaseBackend, type Capabilities } from "@instar/backend";
import { defaultTransport } from "#default-transport";
import { HttpClient, HttpRangeSource, probe, type RangeCounters, RangeEngine, rangeCounters } from "./engine/index.js";
import { type HttpOpenOptions, targetOf } from "./http-options.js";
import { parseLocation } from "./location.js";

const readOnly: Capabilities = {
  write: false,
  grow: false,
  truncate: false,
  writeZeroes: false,
  discard: false,
  allocate: false,
  extents: false,
  durable: false,
};

/**
 * What a server holds at a URL, read by ranges.
 *
 * All reads are of the version that was opened: each request asks for it by ETag or date, and each answer is held
 * against it. Messages name the URL without userinfo and query.
 */
export class HttpBackend extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities = readOnly;
  readonly size: number;
  /** What has been asked of the server so far. */
  readonly counters: RangeCounters;
  readonly #engine: RangeEngine;
  readonly #close: () => Promise<void>;

  private constructor(name: string, size: number, engine: RangeEngine, close: () => Promise<void>) {
    super();
    this.name = name;
    this.size = size;
    this.counters = engine.counters;
    this.#engine = engine;
    this.#close = close;
  }

  /**
   * Opens an `http:` or `https:` URL. Userinfo in it becomes an `Authorization`.
   *
   * @throws {@link BackendError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, `ERR_READ_ONLY` (opening it for writing),
   * `ERR_UNSUPPORTED` (not such a URL; a server without ranges), `ERR_RANGE` (an option out of its bounds) or `ERR_IO`;
   * the reason of the signal when it is aborted.
   */
  static async open(location: string, options: HttpOpenOptions = {}): Promise<HttpBackend> {
    options.signal?.throwIfAborted();
    const at = parseLocation(location);
    if (options.write || (options.create ?? "never") !== "never") {
      throw new BackendError("ERR_READ_ONLY", `${at.name}: by HTTP it can only be read`);
    }
    const counters = options.counters ?? rangeCounters();
    const target = targetOf(at, options.headers);
    const transport = options.transport ?? defaultTransport(options);
    const close = async (): Promise<void> => {
      if (!options.transport) await transport.close();
    };
    try {
      const client = new HttpClient(transport, { name: at.name, redirects: options.redirects, counters });
      const { version, beginning } = await probe(client, target, { ...options, counters }, options.signal);
      const engine = new RangeEngine(new HttpRangeSource(client, target, version), { ...options, counters }, beginning);
      return new HttpBackend(at.name, version.size, engine, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  protected override doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#engine.read(target, offset, signal);
  }

  protected override doClose(): Promise<void> {
    return this.#close();
  }
}
