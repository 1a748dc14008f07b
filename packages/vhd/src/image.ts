import {
  type Backend,
  BaseBackend,
  type CallOptions,
  type Capabilities,
  type Extent,
  extentsOf,
} from "@instar/backend";
import {
  extentsBelow,
  joinMappings,
  mapBelow,
  mapOf,
  mappedData,
  type Mapping,
  readBelow,
  readOnlyCapabilities,
} from "@instar/image-format";

import { BlockMap, type Run } from "./block-map.js";
import { ruleError } from "./rule-error.js";
import { type OpenedParts, parentOf, readParts, type VhdOpenOptions } from "./open.js";

/** What an image says about itself. Sizes are bytes; strings are hostile input. */
export interface VhdInfo {
  readonly type: "fixed" | "dynamic" | "differencing";
  /** Guest size. */
  readonly size: number;
  /** The four letters of the program that made the image. */
  readonly creator: string;
  /** The size that the footer tells, which need not be that of the disk: see the README. */
  readonly currentSize: number;
  /** The size that follows from cylinders, heads and sectors. */
  readonly geometrySize: number;
  /** `undefined` for fixed images. */
  readonly blockSize: number | undefined;
  readonly uuid: string;
  /** The UUID of the parent; `undefined` without one. */
  readonly parentUuid: string | undefined;
  /** What the image calls its parent, the names that travel best first; empty without one. */
  readonly parentNames: readonly string[];
}

const CACHE_BYTES = 1024 * 1024;

/**
 * A VHD image as a disk: what the guest sees, read-only, as a backend over the backend that holds the file.
 *
 * It owns that backend and the parent: closing it closes them.
 */
export class VhdImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** What holds the image. */
  readonly file: Backend;
  /** The parent as the guest would see it. */
  readonly backing: Backend | undefined;
  readonly #parts: OpenedParts;
  /** Absent in fixed images, where guest offsets are offsets of the file. */
  readonly #map: BlockMap | undefined;

  private constructor(file: Backend, parts: OpenedParts, backing: Backend | undefined, cacheBytes: number) {
    super();
    this.name = file.name;
    this.file = file;
    this.backing = backing;
    this.#parts = parts;
    const differencing = parts.footer.type === "differencing";
    this.#map = parts.header && new BlockMap(file, parts.header, differencing, cacheBytes);
    this.capabilities = readOnlyCapabilities(file);
  }

  /**
   * Opens an image. Where it fails, `file` (and `backing`) stay open and the caller's.
   *
   * @throws {@link ImageError} for an image that is broken, unsupported or refused; what reading the file and the gate throw
   */
  static async open(file: Backend, options: VhdOpenOptions = {}): Promise<VhdImage> {
    const { cacheBytes = CACHE_BYTES } = options;
    if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0) {
      throw ruleError("ERR_INVALID_OPTION", file.name, "cacheBytes", cacheBytes, "be an integer from 0");
    }
    const parts = await readParts(file, options);
    const backing = await parentOf(file, parts, options);
    const wanted = parts.header?.parentUuid;
    if (backing instanceof VhdImage && wanted !== undefined && backing.info().uuid !== wanted) {
      const found = backing.info().uuid;
      if (backing !== options.backing) await backing.close();
      throw ruleError("ERR_PARENT_MISMATCH", file.name, "UUID of the parent", found, `be ${wanted}`);
    }
    return new VhdImage(file, parts, backing, cacheBytes);
  }

  /** Size of the guest disk in bytes. */
  get size(): number {
    return this.#parts.size;
  }

  /** What footer and header say. */
  info(): VhdInfo {
    const { footer, size, header, parentNames } = this.#parts;
    const { type, creator, currentSize, geometrySize, uuid } = footer;
    const parentUuid = type === "differencing" ? header?.parentUuid : undefined;
    return {
      type,
      size,
      creator,
      currentSize,
      geometrySize,
      blockSize: header?.blockSize,
      uuid,
      parentUuid,
      parentNames,
    };
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
      const run = await this.#run(offset + done, offset + target.length, signal);
      const part = target.subarray(done, done + run.length);
      if (run.kind === "data") await this.file.read(part, run.fileOffset, { signal });
      else await readBelow(this.backing, part, offset + done, signal);
      done += run.length;
    }
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    if (!this.#map) {
      yield* extentsOf(this.file, offset, length, { signal });
      return;
    }
    for (let at = offset; at < offset + length;) {
      const run = await this.#run(at, offset + length, signal);
      if (run.kind === "data") yield { offset: at, length: run.length, kind: "data" };
      else yield* extentsBelow(this.backing, at, run.length, signal);
      at += run.length;
    }
  }

  protected override async doClose(): Promise<void> {
    await this.backing?.close();
    await this.file.close();
  }

  async *#pieces(offset: number, length: number, call: CallOptions): AsyncGenerator<Mapping> {
    if (!this.#map) {
      yield* mapOf(this.file, offset, length, call);
      return;
    }
    for (let at = offset; at < offset + length;) {
      const run = await this.#run(at, offset + length, call.signal);
      if (run.kind === "absent") yield* mapBelow(this.backing, at, run.length, call);
      else yield mappedData(at, run.length, { file: this.file.name, hostOffset: run.fileOffset });
      at += run.length;
    }
  }

  #run(offset: number, end: number, signal: AbortSignal | undefined): Promise<Run> {
    if (this.#map) return this.#map.run(offset, end, signal);
    return Promise.resolve({ kind: "data", length: end - offset, fileOffset: offset });
  }
}
