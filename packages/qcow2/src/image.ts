import {
  type Backend,
  BackendError,
  BaseBackend,
  type CallOptions,
  type Capabilities,
  type Extent,
} from "@instar/backend";
import { joinMappings, type Mapping } from "@instar/image-format";

import { amendImage, type AmendOptions } from "./amend.js";
import type { Bitmaps } from "./bitmaps.js";
import { Changes } from "./changes.js";
import { checkOpenImage, type ImageCheckOptions } from "./check/check-open-image.js";
import type { CheckReport } from "./check/report.js";
import { createFiles } from "./create-files.js";
import { makeEmpty } from "./empty.js";
import type { Encryption } from "./encryption.js";
import { assemble, type Engine, renewEngine } from "./engine.js";
import type { Flights } from "./flights.js";
import { GuestWrites } from "./guest-writes.js";
import { ImageBitmaps } from "./image-bitmaps.js";
import { ImageEncryption } from "./image-encryption.js";
import type { ImageHost } from "./image-host.js";
import { ImageSnapshots } from "./image-snapshots.js";
import { ImageVmState } from "./image-vm-state.js";
import { imageCapabilities } from "./image-capabilities.js";
import { imageInfo, type Qcow2Info } from "./info.js";
import { extentsOfImage, mapRange, type MapSource } from "./map.js";
import { mapSourceOf } from "./map-source.js";
import { type OpenedParts, openParts } from "./open.js";
import type { CompressedWriteOptions, Qcow2CreateOptions, Qcow2OpenOptions } from "./options.js";
import { preallocateRange, type PreallocateOptions } from "./preallocate.js";
import type { Snapshots } from "./snapshots.js";
import { surfaced } from "./surface.js";
import type { TableCounters } from "./tables.js";
import type { VmState } from "./vm-state.js";

/**
 * A qcow2 image as a disk: what the guest sees, as a backend over the backend that holds the file.
 *
 * It owns that backend, the backing image and the external data file: closing it closes them. See the README for what is safe when.
 */
export class Qcow2Image extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** What holds the image. */
  readonly file: Backend;
  /** The backing image as the guest would see it; it may be shorter or longer than this one. */
  readonly backing: Backend | undefined;
  /** What holds the guest data, where that is not `file`. */
  readonly dataFile: Backend | undefined;
  /** The persistent dirty bitmaps. */
  readonly bitmaps: Bitmaps;
  /** How it is encrypted, and with which passphrases; `undefined` where it is not. */
  readonly encryption: Encryption | undefined;
  /** The snapshots inside. */
  readonly snapshots: Snapshots;
  /** The state of a virtual machine that is stored behind the disk. */
  readonly vmState: VmState;
  readonly #engine: Engine;
  readonly #flights: Flights;
  readonly #host: ImageHost;
  readonly #changes: Changes;
  readonly #writes: GuestWrites;

  private constructor(file: Backend, opened: OpenedParts, options: Qcow2OpenOptions) {
    super();
    const { backing, dataFile } = opened;
    const engine = assemble(file, opened, options);
    this.name = file.name;
    this.file = file;
    this.backing = backing;
    this.dataFile = dataFile;
    this.#engine = engine;
    this.#flights = engine.flights;
    this.capabilities = imageCapabilities(file, dataFile, options.write ?? false);
    this.#changes = new Changes(engine, (...range) => this.#within(...range));
    this.#writes = new GuestWrites(engine, this.#changes);
    const alone: ImageHost["alone"] = (work) => this.#changes.alone(work);
    const renew = (): Promise<void> => {
      this.#changes.restart();
      return renewEngine(engine, opened, options);
    };
    const prepare = (): Promise<void> => this.#beginChange();
    this.#host = { engine, backing, openSnapshots: new Map(), prepare, alone, renew };
    this.bitmaps = new ImageBitmaps(this.#host);
    this.snapshots = new ImageSnapshots(this.#host);
    this.vmState = new ImageVmState(this.#host, this);
    this.encryption = engine.header.current.cryptMethod === 0 ? undefined : new ImageEncryption(this.#host);
  }

  /**
   * Opens an image. Where it fails, `file` stays open and the caller's.
   *
   * @throws {@link Qcow2Error} for an image that is broken, unsupported or refused; {@link BackendError}
   *   `ERR_READ_ONLY` to write to a file that cannot be written to; what reading the file and the gate throw
   */
  static async open(file: Backend, options: Qcow2OpenOptions = {}): Promise<Qcow2Image> {
    const opened = await openParts(file, options);
    return new Qcow2Image(file, opened, options);
  }

  /**
   * Makes a new image of a file, whose content is lost, and opens it for writing.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` before anything is changed
   */
  static async create(file: Backend, options: Qcow2CreateOptions): Promise<Qcow2Image> {
    const cipher = await createFiles(file, options);
    const { dataFile, backingBackend: backing, preallocation: mode = "off", signal } = options;
    const how = { ...options, write: true, backing, dataFile: dataFile?.backend };
    const opened = await openParts(file, how, cipher);
    const image = new Qcow2Image(file, opened, how);
    image.#engine.external?.wasEmptied();
    await image.preallocate(0, image.size, { mode, signal });
    if (dataFile?.raw === true) await image.#engine.identity.map(0, image.size);
    return image;
  }

  /** Size of the guest disk in bytes. */
  get size(): number {
    return this.#engine.header.current.size;
  }

  /** What has happened in the caches. */
  get counters(): TableCounters {
    return this.#engine.tables.counters;
  }

  /** What the header says. */
  info(): Qcow2Info {
    return imageInfo(this.#engine.header.current);
  }

  /**
   * Where the bytes of a range come from, in runs as long as possible. Nothing is read but tables.
   *
   * @throws {@link BackendError} `ERR_RANGE` past the end, when iterated
   */
  async *map(offset: number, length: number, options: CallOptions = {}): AsyncGenerator<Mapping> {
    // An empty read has the same rules: closed, aborted, past the end.
    await this.read(new Uint8Array(0), offset, options);
    this.#within("map", offset, length);
    yield* joinMappings(mapRange(this.#mapSource(), offset, offset + length, options));
  }

  /**
   * Writes whole clusters compressed, several at a time. What does not become smaller is written plain. Takes the place
   * of whatever the clusters held.
   *
   * @param source whole clusters; the end of the disk may cut the last one short
   * @param offset a multiple of the cluster size
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` for parts of clusters, `ERR_UNSUPPORTED_FEATURE` for zstd where there
   *   is no `node:zlib`; {@link BackendError} as `write` does
   */
  async writeCompressed(source: Uint8Array, offset: number, options: CompressedWriteOptions = {}): Promise<void> {
    // An empty write has the same rules: closed, aborted, read-only, past the end.
    await this.write(new Uint8Array(0), offset, options);
    this.#within("writeCompressed", offset, source.byteLength);
    await this.#writes.writeCompressed(source, offset, options);
  }

  /** Gives the clusters of a range host clusters of their own, durably, while other requests wait. Throws as `write`. */
  preallocate(offset: number, length: number, options: PreallocateOptions = {}): Promise<void> {
    return preallocateRange(this.#host, offset, length, options);
  }

  /**
   * Checks refcounts and tables, after everything has been written out, and repairs what `repair` says. Other requests
   * wait meanwhile.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when `memoryLimit` does not suffice; what reading throws;
   *   {@link BackendError} `ERR_READ_ONLY` to repair an image that is open for reading
   */
  async check(options: ImageCheckOptions = {}): Promise<CheckReport> {
    if (options.repair) await this.write(new Uint8Array(0), 0, options);
    else await this.read(new Uint8Array(0), 0, options);
    return checkOpenImage(this.#host, this.capabilities.write, options);
  }

  /**
   * Changes what the image says of itself; waits for all requests under way.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` before anything is changed
   */
  amend(options: AmendOptions): Promise<void> {
    return amendImage(this.#host, options);
  }

  /**
   * Drops all that this layer holds, so that the disk is what the backing image shows; snapshots stay. It happens at
   * once, by one write of one sector; then the file becomes shorter, or gets holes, where its backend can.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` with a raw external data file
   */
  makeEmpty(): Promise<void> {
    return makeEmpty(this.#host);
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const flight = this.#flights.tryEnter() ?? (await this.#flights.enter());
    try {
      this.#within("read", offset, target.byteLength);
      const { reader, copyOnRead } = this.#engine;
      if (copyOnRead) await copyOnRead.read(target, offset, () => this.#changes.prepare(), signal);
      else await reader.read(target, offset, signal);
    } catch (error) {
      throw surfaced(error, this.name);
    } finally {
      this.#flights.leave(flight);
    }
  }

  protected override doWrite(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#writes.write(source, offset, signal);
  }

  protected override doWriteZeroes(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#writes.zero(offset, length, signal);
  }

  protected override doDiscard(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#writes.discard(offset, length, signal);
  }

  protected override async doTruncate(size: number): Promise<void> {
    await this.#changes.prepare();
    const its = this.#engine;
    await this.#changes.alone(() => its.bitmaps.resize(size, () => its.resizer.resize(size)));
  }

  protected override async doSync(): Promise<void> {
    try {
      await this.#engine.durability.sync();
    } catch (error) {
      throw await this.#changes.failed(error);
    }
  }

  protected override doExtents(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Extent> {
    return extentsOfImage(this.#mapSource(), offset, offset + length, { signal });
  }

  protected override async doClose(): Promise<void> {
    if (this.capabilities.write) await this.#changes.finish();
    await this.backing?.close();
    await this.dataFile?.close();
    await this.file.close();
  }

  /** The rules of a change that is no request of a backend: open, and for writing. */
  async #beginChange(): Promise<void> {
    await this.write(new Uint8Array(0), 0);
    await this.#changes.prepare();
  }

  #mapSource(): MapSource {
    return mapSourceOf(this.#host);
  }

  /** The disk may have become shorter while a request waited. */
  #within(operation: string, offset: number, length: number): void {
    if (offset + length <= this.size) return;
    const what = `${operation} of ${length} bytes at ${offset}`;
    throw new BackendError("ERR_RANGE", `${this.name}: ${what} goes past the end at ${this.size}`);
  }
}
