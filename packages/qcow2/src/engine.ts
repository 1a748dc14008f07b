import type { Backend } from "@instar/backend";

import { Allocator } from "./allocator.js";
import { BitmapKeeper } from "./bitmap-keeper.js";
import { CompressedWriter } from "./compressed-writer.js";
import { CopyOnRead } from "./copy-on-read.js";
import { Durability } from "./durability.js";
import { Eraser } from "./eraser.js";
import type { ExternalData } from "./external-data.js";
import { hasDataFile } from "./features.js";
import { FileEnd } from "./file-end.js";
import { Flights } from "./flights.js";
import { FreedSpace } from "./freed-space.js";
import { FreshClusters } from "./fresh-clusters.js";
import type { GuestData } from "./guest-data.js";
import { headerGeometry } from "./header.js";
import { HostFile } from "./host-file.js";
import { IdentityMapping } from "./identity-mapping.js";
import { InflatedClusters } from "./inflated-clusters.js";
import { L1Table } from "./l1-table.js";
import { l2Codec } from "./l2-codec.js";
import { L2Tables } from "./l2-tables.js";
import type { Layout } from "./layout.js";
import { LiveHeader } from "./live-header.js";
import { GuestMap } from "./mapping.js";
import { MetadataRanges } from "./metadata-ranges.js";
import type { OpenedParts } from "./open.js";
import type { EngineOptions } from "./options.js";
import { PendingFrees } from "./pending-frees.js";
import { RangeLocks } from "./range-locks.js";
import { Reader } from "./reader.js";
import { Refcounts } from "./refcounts.js";
import { Resizer } from "./resizer.js";
import { StateSwitch } from "./state-switch.js";
import { storedData } from "./stored-data.js";
import { Tables } from "./tables.js";
import { Writer } from "./writer.js";
import { Zeroes } from "./zeroes.js";

/** What an open image consists of, each part knowing those it works with. */
export interface Engine {
  readonly file: HostFile;
  readonly data: GuestData;
  /** Where the guest data is, if it is in a file of its own. */
  readonly external: ExternalData | undefined;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly metadata: MetadataRanges;
  readonly tables: Tables;
  readonly l2Tables: L2Tables;
  readonly allocator: Allocator;
  readonly map: GuestMap;
  readonly reader: Reader;
  readonly copyOnRead: CopyOnRead | undefined;
  readonly writer: Writer;
  readonly compressedWriter: CompressedWriter;
  readonly eraser: Eraser;
  readonly zeroes: Zeroes;
  readonly identity: IdentityMapping;
  readonly resizer: Resizer;
  readonly frees: PendingFrees;
  readonly refcounts: Refcounts;
  readonly flights: Flights;
  readonly durability: Durability;
  readonly stateSwitch: StateSwitch;
  readonly bitmaps: BitmapKeeper;
  readonly fileEnd: FileEnd;
  readonly space: FreedSpace;
}

/**
 * Puts the parts of an image together. Does no I/O.
 *
 * @param flights the requests under way, where there was an engine before
 */
export function assemble(
  backend: Backend,
  opened: OpenedParts,
  options: EngineOptions,
  flights: Flights = new Flights(),
): Engine {
  const { header: firstHeader, backing } = opened;
  const geometry = headerGeometry(firstHeader);
  const kind = { version: firstHeader.version, external: hasDataFile(firstHeader) };
  const layout: Layout = { ...geometry, ...kind, l2: l2Codec({ ...geometry, ...kind }) };
  const file = new HostFile(backend);
  const header = new LiveHeader(file, firstHeader);
  const metadata = new MetadataRanges(file, header, layout);
  const { data, external } = storedData({ file, header, layout, metadata }, opened);
  const tables = new Tables(file, data, layout.clusterSize, options.caches, options.observer);
  const frees = new PendingFrees();
  const locks = new RangeLocks();

  const l1 = new L1Table(file, header, layout, tables);
  const map = new GuestMap(file, data, layout, tables, l1);
  const inflated = new InflatedClusters(file, layout, firstHeader.compressionType);
  const reader = new Reader(data, layout, map, inflated, backing);

  const refcounts = new Refcounts(file, header, layout, tables, metadata);
  const space = new FreedSpace(file, layout.clusterSize, options.discard !== "ignore");
  const allocator = new Allocator(file, header, layout, refcounts, metadata, frees, space);
  const l2Tables = new L2Tables({ file, layout, tables, l1, allocator, frees, metadata });
  const places = { file, data, external, header, layout, metadata, locks };
  const parts = { ...places, tables, l1, l2Tables, refcounts, allocator, frees, map, reader };
  const writer = new Writer(data, layout, map, new FreshClusters(parts), locks, map.sliceCoverage);
  const compressedWriter = new CompressedWriter({ ...parts, inflated, writer }, firstHeader.compressionType);
  const eraser = new Eraser(parts);
  const zeroes = new Zeroes(layout, map, reader, writer, eraser);
  const identity = new IdentityMapping(parts);
  const copyOnRead = options.copyOnRead ? new CopyOnRead({ ...parts, writer, eraser }) : undefined;
  const durability = new Durability(header, tables, frees, allocator, flights, metadata);
  const stateSwitch = new StateSwitch({ ...parts, inflated, space });
  const fileEnd = new FileEnd({ ...parts, durability });
  const resizer = new Resizer({ ...parts, eraser, zeroes, identity, fileEnd });
  const bitmaps = new BitmapKeeper({ ...parts, stateSwitch, durability });
  const ends = { fileEnd, space };
  const changes = { writer, compressedWriter, eraser, zeroes, identity, resizer, stateSwitch, bitmaps };
  return { ...parts, ...changes, ...ends, copyOnRead, flights, durability };
}

/**
 * Puts the parts together anew in place of those there are, after the header has come to say what they take for fixed:
 * version, width of refcounts. No request is under way, and nothing is in memory that the file lacks.
 */
export async function renewEngine(engine: Engine, opened: OpenedParts, options: EngineOptions): Promise<void> {
  const { file, header, flights, durability } = engine;
  await durability.idle();
  Object.assign(engine, assemble(file.backend, { ...opened, header: header.current }, options, flights));
  await engine.bitmaps.begin();
}
