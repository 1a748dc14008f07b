import type { Backend, CallOptions } from "@instar/backend";

import { encryptionArea } from "../encryption-area.js";
import { isQcow2Error, quote } from "../errors.js";
import { hasDataFile } from "../features.js";
import { type Geometry, MAX_L1_BYTES } from "../geometry.js";
import { headerGeometry, type Qcow2Header } from "../header.js";
import { l2Codec } from "../l2-codec.js";
import { refcountCodec } from "../refcount-codec.js";
import type { Snapshot } from "../snapshot-entry.js";
import { parseSnapshotTable, readSnapshotTable, type SnapshotTable } from "../snapshot-table.js";
import { checkBitmaps } from "./check-bitmaps.js";
import { checkMapping, type L1Range, type MappingContext } from "./check-mapping.js";
import { ReferenceCounts } from "./reference-counts.js";
import { References } from "./references.js";
import { ReportBuilder } from "./report.js";
import { isIncomplete } from "./snapshot-faults.js";
import { StoredRefcounts } from "./stored-refcounts.js";

/** How to look at an image. */
export interface SurveyOptions extends CallOptions {
  /** How many problems to describe. */
  readonly problems: number;
  /** Most bytes of memory for counting references. */
  readonly memoryLimit: number;
  /** What is to take the place of the snapshot table, which is not counted then. */
  readonly snapshotTable?: Uint8Array | undefined;
}

/** What all but the refcounts of an image refers to. */
export interface Survey {
  readonly file: Backend;
  readonly header: Qcow2Header;
  readonly fileSize: number;
  /** The first cluster that begins behind the file. */
  readonly endOfFile: number;
  readonly geometry: Geometry;
  readonly report: ReportBuilder;
  readonly counts: ReferenceCounts;
  readonly references: References;
  readonly stored: StoredRefcounts;
  /** The L1 table that the guest sees, and behind it those of the snapshots. */
  readonly l1Tables: readonly L1Range[];
  /** How the tables were looked at. */
  readonly mapping: MappingContext;
  readonly call: CallOptions;
}

/** Counts what each cluster is referred to, without the refcount table and its blocks. */
export async function surveyImage(file: Backend, header: Qcow2Header, options: SurveyOptions): Promise<Survey> {
  const call: CallOptions = { signal: options.signal };
  const geometry = headerGeometry(header);
  const { clusterSize } = geometry;
  const fileSize = file.size;
  const report = new ReportBuilder(options.problems);
  const counts = new ReferenceCounts(refcountCodec(header.refcountOrder).max, options.memoryLimit);
  const references = new References(counts, report, clusterSize, fileSize);
  const stored = await StoredRefcounts.open(file, header, geometry, call);

  references.addMetadata(0, clusterSize, "header");
  const external = hasDataFile(header);
  const { version } = header;
  const mapping: MappingContext = {
    file,
    version,
    geometry,
    l2: l2Codec({ ...geometry, version, external }),
    external,
    report,
    references,
    refcount: (cluster) => stored.recent(cluster) ?? stored.get(cluster),
    call,
  };
  const active = { offset: header.l1TableOffset, entries: header.l1Size, active: true, name: "L1 table" };
  await checkMapping(mapping, active);
  const given = options.snapshotTable;
  const table = given
    ? { snapshots: parseSnapshotTable(file.name, given, header.snapshotCount), length: 0 }
    : await snapshotTable(file, header, report, call);
  const l1Tables: L1Range[] = [active];
  for (const [index, snapshot] of table.snapshots.entries()) {
    if (isIncomplete(snapshot, version)) report.corruption(() => `snapshot table: entry ${index} is incomplete`);
    const l1 = l1OfSnapshot(snapshot, geometry, report);
    if (l1 === undefined) continue;
    await checkMapping(mapping, l1);
    l1Tables.push(l1);
  }
  references.addMetadata(header.snapshotsOffset, table.length, "snapshot table");
  const encryption = encryptionArea(header);
  if (encryption) references.addMetadata(encryption.offset, encryption.length, "encryption header");
  await checkBitmaps({ file, header, clusterSize, report, references, call });
  const endOfFile = Math.ceil(fileSize / clusterSize);
  return { file, header, fileSize, endOfFile, geometry, report, counts, references, stored, l1Tables, mapping, call };
}

async function snapshotTable(
  file: Backend,
  header: Qcow2Header,
  report: ReportBuilder,
  call: CallOptions,
): Promise<SnapshotTable> {
  try {
    return await readSnapshotTable(file, header, call);
  } catch (error) {
    if (!isQcow2Error(error, "ERR_CORRUPT")) throw error;
    report.error(() => error.message);
    return { snapshots: [], length: 0 };
  }
}

function l1OfSnapshot(snapshot: Snapshot, { clusterSize }: Geometry, report: ReportBuilder): L1Range | undefined {
  const { l1TableOffset: offset, l1Size: entries } = snapshot;
  const name = `L1 table of snapshot ${quote(snapshot.id)} (${quote(snapshot.name)})`;
  if (offset % clusterSize !== 0) {
    report.corruption(() => `${name} is at ${offset}, must be at a multiple of the cluster size`);
  } else if (entries > MAX_L1_BYTES / 8) {
    report.corruption(() => `${name} has ${entries} entries, must have at most ${MAX_L1_BYTES / 8}`);
  } else {
    return { offset, entries, active: false, name };
  }
  return undefined;
}
