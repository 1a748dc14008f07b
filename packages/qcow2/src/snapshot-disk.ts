import { type Backend, BaseBackend, type CallOptions, type Capabilities, type Extent } from "@instar/backend";
import { joinMappings, type Mapping } from "@instar/image-format";

import type { Engine } from "./engine.js";
import { Qcow2Error, quote } from "./errors.js";
import { maxGuestSize } from "./geometry.js";
import { InflatedClusters } from "./inflated-clusters.js";
import { L1Table } from "./l1-table.js";
import { LiveHeader } from "./live-header.js";
import { extentsOfImage, mapRange, type MapSource } from "./map.js";
import { GuestMap } from "./mapping.js";
import { Reader } from "./reader.js";
import type { Snapshot } from "./snapshot-entry.js";
import { surfaced } from "./surface.js";
import { Tables } from "./tables.js";

/**
 * The disk of a snapshot, for reading. It has caches of its own, and needs no turn among the requests of the image:
 * what a snapshot shows is never changed or moved as long as the snapshot is there.
 */
export class SnapshotDisk extends BaseBackend {
  readonly name: string;
  readonly size: number;
  readonly capabilities: Capabilities;
  readonly #map: GuestMap;
  readonly #reader: Reader;
  readonly #backing: Backend | undefined;
  readonly #file: Backend;
  readonly #closed: () => void;

  private constructor(
    its: { readonly name: string; readonly size: number; readonly file: Backend },
    map: GuestMap,
    reader: Reader,
    backing: Backend | undefined,
    closed: () => void,
  ) {
    super();
    this.name = its.name;
    this.size = its.size;
    this.capabilities = {
      write: false,
      grow: false,
      truncate: false,
      writeZeroes: false,
      discard: false,
      allocate: false,
      extents: true,
      durable: its.file.capabilities.durable,
    };
    this.#map = map;
    this.#reader = reader;
    this.#backing = backing;
    this.#file = its.file;
    this.#closed = closed;
  }

  /**
   * @param closed is told when it is closed
   * @throws {@link Qcow2Error} `ERR_CORRUPT` for a snapshot whose L1 table is misplaced or does not map its disk
   */
  static of(engine: Engine, snapshot: Snapshot, backing: Backend | undefined, closed: () => void): SnapshotDisk {
    const { file, data, layout } = engine;
    const { current } = engine.header;
    const { id, l1TableOffset, l1Size, diskSize: size = current.size } = snapshot;
    const fits = size <= maxGuestSize(layout) && l1Size * layout.l2Coverage >= size;
    if (!fits || l1TableOffset % layout.clusterSize !== 0 || l1TableOffset + l1Size * 8 > file.size) {
      const message = `${file.name}: the L1 table of snapshot ${quote(id)} is misplaced, or too short for its disk`;
      const rule = "inside the file, with an entry for each part of the disk";
      throw new Qcow2Error("ERR_CORRUPT", message, { field: "L1 table", value: l1TableOffset, rule });
    }
    const tables = new Tables(file, data, layout.clusterSize);
    const header = new LiveHeader(file, { ...current, size, l1TableOffset, l1Size });
    const map = new GuestMap(file, data, layout, tables, new L1Table(file, header, layout, tables));
    const inflated = new InflatedClusters(file, layout, current.compressionType);
    const reader = new Reader(data, layout, map, inflated, backing);
    const its = { name: `${file.name} (snapshot ${quote(id)})`, size, file: file.backend };
    return new SnapshotDisk(its, map, reader, backing, closed);
  }

  /** Where the bytes of a range come from, as of an image. */
  async *map(offset: number, length: number, options: CallOptions = {}): AsyncGenerator<Mapping> {
    // An empty read has the same rules: closed, aborted, past the end.
    await this.read(new Uint8Array(0), offset + length, options);
    yield* joinMappings(mapRange(this.#mapSource(), offset, offset + length, options));
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#reader.read(target, offset, signal);
    } catch (error) {
      throw surfaced(error, this.name);
    }
  }

  protected override doExtents(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Extent> {
    return extentsOfImage(this.#mapSource(), offset, offset + length, { signal });
  }

  protected override doClose(): Promise<void> {
    this.#closed();
    return Promise.resolve();
  }

  #mapSource(): MapSource {
    const run: MapSource["run"] = async (at, end) => this.#map.tryRun(at, end) ?? this.#map.run(at, end);
    return { run, file: this.#file.name, backing: this.#backing };
  }
}
