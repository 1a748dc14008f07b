import { type Backend, BaseBackend, type CallOptions, type Capabilities, type Extent } from "@instar/backend";
import {
  joinMappings,
  mappedData,
  mappedNowhere,
  mappedZero,
  type Mapping,
  readOnlyCapabilities,
} from "@instar/image-format";

import { BlockMap } from "./block-map.js";
import { ruleError } from "./rule-error.js";
import { readHeader, type VdiHeader } from "./header.js";

/** How to open an image. */
export interface VdiOpenOptions extends CallOptions {
  /** Bytes of the block map to keep in memory; defaults to 1 MiB, which serves 256 GiB of disk. */
  readonly cacheBytes?: number | undefined;
}

const CACHE_BYTES = 1024 * 1024;

/**
 * A VDI image as a disk: what the guest sees, read-only, as a backend over the backend that holds the file.
 *
 * It owns that backend: closing it closes the file.
 */
export class VdiImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** What holds the image. */
  readonly file: Backend;
  readonly #header: VdiHeader;
  readonly #map: BlockMap;

  private constructor(file: Backend, header: VdiHeader, cacheBytes: number) {
    super();
    this.name = file.name;
    this.file = file;
    this.#header = header;
    this.#map = new BlockMap(file, header, cacheBytes);
    this.capabilities = readOnlyCapabilities(file);
  }

  /**
   * Opens an image. Where it fails, `file` stays open and the caller's.
   *
   * @throws {@link ImageError} for an image that is broken, unsupported or refused; what reading the file throws
   */
  static async open(file: Backend, options: VdiOpenOptions = {}): Promise<VdiImage> {
    const { cacheBytes = CACHE_BYTES, signal } = options;
    if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0) {
      throw ruleError("ERR_INVALID_OPTION", file.name, "cacheBytes", cacheBytes, "be an integer from 0");
    }
    return new VdiImage(file, await readHeader(file, { signal }), cacheBytes);
  }

  /** Size of the guest disk in bytes. */
  get size(): number {
    return this.#header.size;
  }

  /** What the header says. */
  info(): VdiHeader {
    return this.#header;
  }

  /**
   * Where the bytes of a range come from, in runs as long as possible. Nothing is read but tables.
   *
   * @throws {@link BackendError} `ERR_RANGE` past the end, when iterated
   */
  async *map(offset: number, length: number, options: CallOptions = {}): AsyncGenerator<Mapping> {
    // An empty read at the end has the same rules: closed, aborted, past the end.
    await this.read(new Uint8Array(0), offset + length, options);
    yield* joinMappings(this.#pieces(offset, length, options));
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    for (let done = 0; done < target.length;) {
      const run = await this.#map.run(offset + done, offset + target.length, signal);
      const part = target.subarray(done, done + run.length);
      if (run.kind === "data") await this.file.read(part, run.fileOffset, { signal });
      else part.fill(0);
      done += run.length;
    }
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    for (let at = offset; at < offset + length;) {
      const run = await this.#map.run(at, offset + length, signal);
      yield { offset: at, length: run.length, kind: run.kind };
      at += run.length;
    }
  }

  protected override async doClose(): Promise<void> {
    await this.file.close();
  }

  async *#pieces(offset: number, length: number, { signal }: CallOptions): AsyncGenerator<Mapping> {
    for (let at = offset; at < offset + length;) {
      const run = await this.#map.run(at, offset + length, signal);
      if (run.kind === "data") yield mappedData(at, run.length, { file: this.file.name, hostOffset: run.fileOffset });
      else if (run.kind === "zero") yield mappedZero(at, run.length);
      else yield mappedNowhere(at, run.length);
      at += run.length;
    }
  }
}
