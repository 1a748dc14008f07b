import type { Backend, CallOptions } from "@instar/backend";

import { isQcow2Error, quote } from "../errors.js";
import { MAX_L1_BYTES } from "../geometry.js";
import { hasDataFile } from "../features.js";
import { headerGeometry, type Qcow2Header } from "../header.js";
import { l2Codec } from "../l2-codec.js";
import { refcountCodec } from "../refcount-codec.js";
import type { Snapshot } from "../snapshot-entry.js";
import { readSnapshotTable, type SnapshotTable } from "../snapshot-table.js";
import { checkBitmaps } from "./check-bitmaps.js";
import { checkMapping, type MappingContext } from "./check-mapping.js";
import { checkRefcountBlocks, compareRefcounts } from "./check-refcounts.js";
import { ReferenceCounts } from "./reference-counts.js";
import { References } from "./references.js";
import { type CheckReport, ReportBuilder } from "./report.js";
import { StoredRefcounts } from "./stored-refcounts.js";

/** Options of a check. */
export interface CheckOptions extends CallOptions {
  /** How many problems to describe; all are counted. Defaults to 100. */
  readonly problems?: number | undefined;
  /**
   * Most bytes of memory for counting references: about one per host cluster in use. Defaults to 256 MiB, enough for
   * 16 TiB in clusters of 64 KiB.
   */
  readonly memoryLimit?: number | undefined;
}

/**
 * Checks the metadata of an image: whether each refcount is the number of references, whether every table lies where it
 * may, whether every flag is as it must be. Counts as `qemu-img check` does. Changes nothing.
 *
 * @param file what holds the image, with everything written out
 * @param header its header, checked
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` when `memoryLimit` does not suffice
 */
export async function checkImage(file: Backend, header: Qcow2Header, options: CheckOptions = {}): Promise<CheckReport> {
  const { problems = 100, memoryLimit = 256 * 1024 * 1024 } = options;
  const call: CallOptions = { signal: options.signal };
  const geometry = headerGeometry(header);
  const { clusterSize } = geometry;
  const fileSize = file.size;
  const report = new ReportBuilder(problems);
  const counts = new ReferenceCounts(refcountCodec(header.refcountOrder).max, memoryLimit);
  const references = new References(counts, report, clusterSize, fileSize);
  const stored = await StoredRefcounts.open(file, header, geometry, call);

  references.add(0, clusterSize, "header");
  const external = hasDataFile(header);
  const l2 = l2Codec({ ...geometry, version: header.version, external });
  const mapping = { file, geometry, l2, external, report, references, stored, call };
  const l1 = { offset: header.l1TableOffset, entries: header.l1Size, active: true, name: "L1 table" };
  await checkMapping(mapping, l1);
  const table = await snapshotTable(file, header, report, call);
  for (const snapshot of table.snapshots) await checkSnapshot(mapping, snapshot);
  references.add(header.snapshotsOffset, table.length, "snapshot table");
  references.add(header.refcountTableOffset, header.refcountTableClusters * clusterSize, "refcount table");
  await checkBitmaps({ file, header, clusterSize, report, references, call });
  const refcounts = { fileSize, geometry, report, references, counts, stored, call };
  checkRefcountBlocks(refcounts);
  await compareRefcounts(refcounts);
  return report.finish(clusterSize, Math.ceil(header.size / clusterSize));
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

async function checkSnapshot(context: MappingContext, snapshot: Snapshot): Promise<void> {
  const { l1TableOffset: offset, l1Size: entries } = snapshot;
  const name = `L1 table of snapshot ${quote(snapshot.id)} (${quote(snapshot.name)})`;
  if (offset % context.geometry.clusterSize !== 0) {
    context.report.corruption(() => `${name} is at ${offset}, must be at a multiple of the cluster size`);
  } else if (entries > MAX_L1_BYTES / 8) {
    context.report.corruption(() => `${name} has ${entries} entries, must have at most ${MAX_L1_BYTES / 8}`);
  } else {
    await checkMapping(context, { offset, entries, active: false, name });
  }
}
