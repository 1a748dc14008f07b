import { type Backend, BaseBackend, type CallOptions, type Capabilities, type Extent } from "@instar/backend";
import {
  extentsBelow,
  joinMappings,
  mapBelow,
  mappedData,
  mappedZero,
  type Mapping,
  openReference,
  readBelow,
  readOnlyCapabilities,
} from "@instar/image-format";

import { BlockMap } from "./block-map.js";
import { ruleError } from "./rule-error.js";
import { type Header, readHeader } from "./header.js";
import { replayLog } from "./log.js";
import { type Metadata, readMetadata } from "./metadata.js";
import { parentLinkage, parentNames } from "./parent-locator.js";
import type { ParentReference, ReferenceGate } from "./references.js";
import { readRegions } from "./regions.js";

/** How to open an image. */
export interface VhdxOpenOptions extends CallOptions {
  /**
   * The parent of a differencing image, instead of what the image names: what the guest would see in it. `"ignore"`
   * opens none, and what only the parent has reads as zeroes.
   */
  readonly backing?: Backend | "ignore" | undefined;
  /** Opens what the image names. By default nothing is opened: a differencing image is refused. */
  readonly openReferenced?: ReferenceGate | undefined;
  /** How many images of the chain stand above this one; defaults to 0. Gates pass on what they are told. */
  readonly depth?: number | undefined;
  /** Bytes of the tables to keep in memory; defaults to 1 MiB, which serves 4 TiB of disk in blocks of 32 MiB. */
  readonly cacheBytes?: number | undefined;
}

/** What an image says about itself. Sizes are bytes; strings are hostile input. */
export interface VhdxInfo {
  readonly type: "fixed" | "dynamic" | "differencing";
  /** Guest size. */
  readonly size: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  /** `undefined` where the image does not tell. */
  readonly physicalSectorSize: number | undefined;
  /** Changes when what the guest sees does. */
  readonly dataWriteGuid: string;
  /** The log was not empty: what is read is the file with the log over it. */
  readonly logReplayed: boolean;
  /** What the image calls its parent, the names that travel best first; empty without one. */
  readonly parentNames: readonly string[];
}

/** What opening finds. */
interface OpenedParts {
  /** The file with its log over it. */
  readonly content: Backend;
  readonly header: Header;
  readonly metadata: Metadata;
  readonly map: BlockMap;
}

const CACHE_BYTES = 1024 * 1024;

/**
 * A VHDX image as a disk: what the guest sees, read-only, as a backend over the backend that holds the file.
 *
 * It owns that backend and the parent: closing it closes them.
 */
export class VhdxImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** What holds the image. */
  readonly file: Backend;
  /** The parent as the guest would see it. */
  readonly backing: Backend | undefined;
  readonly #content: Backend;
  readonly #header: Header;
  readonly #metadata: Metadata;
  readonly #map: BlockMap;

  private constructor(file: Backend, parts: OpenedParts, backing: Backend | undefined) {
    super();
    this.name = file.name;
    this.file = file;
    this.backing = backing;
    this.#content = parts.content;
    this.#header = parts.header;
    this.#metadata = parts.metadata;
    this.#map = parts.map;
    this.capabilities = readOnlyCapabilities(file);
  }

  /**
   * Opens an image. A log that is not empty is replayed in memory: the file stays as it is. Where it fails, `file` (and
   * `backing`) stay open and the caller's.
   *
   * @throws {@link ImageError} for an image that is broken, unsupported or refused; what reading and the gate throw
   */
  static async open(file: Backend, options: VhdxOpenOptions = {}): Promise<VhdxImage> {
    const parts = await readParts(file, options);
    const backing = await parentOf(file, parts.metadata, options);
    const linkage = parts.metadata.parent ? parentLinkage(parts.metadata.parent) : [];
    if (backing instanceof VhdxImage && linkage.length > 0) {
      const found = backing.info().dataWriteGuid;
      if (!linkage.includes(found)) {
        if (backing !== options.backing) await backing.close();
        const rule = `be ${linkage.join(" or ")}: the parent has changed since, or is another one`;
        throw ruleError("ERR_PARENT_MISMATCH", file.name, "DataWriteGuid of the parent", found, rule);
      }
    }
    return new VhdxImage(file, parts, backing);
  }

  /** Size of the guest disk in bytes. */
  get size(): number {
    return this.#metadata.size;
  }

  /** What headers and metadata say. */
  info(): VhdxInfo {
    const { size, blockSize, logicalSectorSize, physicalSectorSize, fixed, parent } = this.#metadata;
    return {
      type: parent ? "differencing" : fixed ? "fixed" : "dynamic",
      size,
      blockSize,
      logicalSectorSize,
      physicalSectorSize,
      dataWriteGuid: this.#header.dataWriteGuid,
      logReplayed: this.#content !== this.file,
      parentNames: parent ? parentNames(parent) : [],
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
      const run = await this.#map.run(offset + done, offset + target.length, signal);
      const part = target.subarray(done, done + run.length);
      if (run.kind === "data") await this.#content.read(part, run.fileOffset, { signal });
      else if (run.kind === "zero") part.fill(0);
      else await readBelow(this.backing, part, offset + done, signal);
      done += run.length;
    }
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    for (let at = offset; at < offset + length;) {
      const run = await this.#map.run(at, offset + length, signal);
      if (run.kind === "absent") yield* extentsBelow(this.backing, at, run.length, signal);
      else yield { offset: at, length: run.length, kind: run.kind };
      at += run.length;
    }
  }

  protected override async doClose(): Promise<void> {
    await this.backing?.close();
    await this.file.close();
  }

  async *#pieces(offset: number, length: number, call: CallOptions): AsyncGenerator<Mapping> {
    for (let at = offset; at < offset + length;) {
      const run = await this.#map.run(at, offset + length, call.signal);
      if (run.kind === "data") yield mappedData(at, run.length, { file: this.file.name, hostOffset: run.fileOffset });
      else if (run.kind === "zero") yield mappedZero(at, run.length);
      else yield* mapBelow(this.backing, at, run.length, call);
      at += run.length;
    }
  }
}

async function readParts(file: Backend, options: VhdxOpenOptions): Promise<OpenedParts> {
  const { cacheBytes = CACHE_BYTES, signal } = options;
  if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0) {
    throw ruleError("ERR_INVALID_OPTION", file.name, "cacheBytes", cacheBytes, "be an integer from 0");
  }
  const header = await readHeader(file, signal);
  const content = await replayLog(file, header, signal);
  const regions = await readRegions(content, signal);
  const metadata = await readMetadata(content, regions.metadata, signal);
  return { content, header, metadata, map: new BlockMap(content, regions.table, metadata, cacheBytes) };
}

/** Opens the parent of a differencing image, unless the caller has it or wants none. */
async function parentOf(file: Backend, metadata: Metadata, options: VhdxOpenOptions): Promise<Backend | undefined> {
  const { parent } = metadata;
  if (!parent || options.backing === "ignore") return undefined;
  if (options.backing) return options.backing;
  const { depth = 0, openReferenced, signal } = options;
  const names = parentNames(parent);
  const [name = ""] = names;
  const linkage = parentLinkage(parent);
  const reference: ParentReference = {
    kind: "backing",
    name,
    names,
    format: undefined,
    linkage,
    image: file.name,
    depth: depth + 1,
  };
  return openReference("vhdx", reference, openReferenced, { signal });
}
